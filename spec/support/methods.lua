--- Every method of the resources, with arguments that are right, before its options.

local ROW = {
  list = {},
  each = {},
  get = { "x" },
  delete = { "x" },
  undelete = { "x" },
  destroy = { "x" },
  archive = { "x" },
  restore = { "x" },
  find_created = { {}, 1 },
}

local function row_methods(more)
  for name, arguments in pairs(ROW) do
    more[name] = arguments
  end
  return more
end

--- @type table<string, table<string, table>>
return {
  datasets = row_methods({
    create = { { name = "x" } },
    update = { "x", { name = "y" } },
    revisions = { "x" },
    export_start = { "x" },
    export_wait = { "x", 1 },
    export_read = { "x", 1 },
  }),
  dataset_items = row_methods({
    create = { { dataset = "x" } },
    update = { "x", { input = 1 } },
    versions = { "x" },
  }),
  skills = {
    list = {},
    each = {},
    get = { "x" },
    resolve = { "x" },
    versions = { "x" },
    create = { { name = "x" } },
    publish = { "x", { base_version = 1 } },
    archive = { "x" },
    duplicate = { "x", "y" },
    file = { "x", "a" },
    create_file = { "x", { path = "a", content = "b" } },
    rename_file = { "x", "a", "b" },
    delete_file = { "x", "a" },
    search = { "x" },
    rename = { "x", "y" },
    skill_md = { "x" },
    bundle = {},
  },
  spend = { get = {} },
}
