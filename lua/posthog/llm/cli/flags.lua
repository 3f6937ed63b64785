--- The options of the library as the command has them. Messages of the library
--- name its options by this (util/option_names).

return {
  personal_api_key = "--key-file",
  project_id = "--project",
  host = "--host",
  archived = "--deleted",
  revision = "--revision",
  version = "--version",
  base_version = "--base-version",
  force = "--force",
  note = "--note",
  skip_binary = "--skip-binary",
  split_tools = "--split-tools",
  fields = "--field",
  values = "--values",
  format = "--format",
  separator = "--separator",
  journal = "--journal",
  rejects = "--rejects",
  reject_all = "--reject-all",
  create = "--create",
  date_from = "--from",
  date_to = "--to",
  bucket_minutes = "--bucket",
  product = "--product",
  limit = "--limit",
}
