--- The pages of the reference: which file documents what, and what their examples need.

--- @class tools.reference.PageSource
--- @field name string of the file in doc/reference/, without .md
--- @field title string
--- @field summary string for the list of pages
--- @field files string[] below lua/posthog/, without .lua: what they declare is on the page, in this order
--- @field class? string whose comment is the text at the top, and whose fields are functions
--- @field owners table<string, string> how the source names the object of a function, and how users do
--- @field module? string what a program requires: each of its names is on the page
--- @field object? string what has the methods of the page: "client.skills"; each of them is on it
--- @field setup? string what the examples begin with
--- @field mark? string of the setup, for spec/pasted/page.lua
--- @field types? string[] classes that belong to this page, whoever mentions them first
--- @field facts? string[][] tables that are made from data: heading, function of facts.lua

local CLIENT = 'local llm = require("posthog.llm")\nlocal client = llm.new()'

return {
  {
    name = "llm",
    title = "posthog.llm",
    summary = "the module: clients, marks for JSON, concurrency",
    files = { "llm/init", "llm/host/uv" },
    class = "posthog.llm",
    owners = { llm = "llm.", Task = "task:" },
    module = "posthog.llm",
    setup = CLIENT,
    mark = "with history",
    types = { "posthog.llm.Task" },
  },
  {
    name = "client",
    title = "client",
    summary = "options of `llm.new` and of every call; requests to any endpoint; responses",
    files = { "llm/client" },
    class = "posthog.llm.Client",
    owners = { Client = "client:" },
    object = "client",
    setup = CLIENT,
    mark = "with history",
    types = {
      "posthog.llm.Options",
      "posthog.llm.PaceOptions",
      "posthog.llm.RedisOptions",
      "posthog.llm.CallOptions",
      "posthog.llm.Response",
      "posthog.llm.Page",
      "posthog.llm.ApiVersion",
    },
  },
  {
    name = "errors",
    title = "Errors",
    summary = "the fields of an error, and its kinds",
    files = { "llm/util/errors" },
    class = "posthog.llm.Error",
    owners = {},
    setup = CLIENT,
    types = { "posthog.llm.ErrorKind" },
  },
  {
    name = "skills",
    title = "client.skills",
    summary = "the versioned store of agent skills",
    files = {
      "llm/api/skills/reads",
      "llm/api/skills/init",
      "llm/api/skills/lists",
      "llm/api/skills/current",
    },
    class = "posthog.llm.Skills",
    owners = { Skills = "client.skills:" },
    object = "client.skills",
    setup = CLIENT,
    mark = "with history",
    types = { "posthog.llm.Skill", "posthog.llm.User" },
  },
  {
    name = "datasets",
    title = "client.datasets",
    summary = "datasets, their revisions and exports",
    files = { "llm/api/rows_meta", "llm/api/exports" },
    class = "posthog.llm.Datasets",
    owners = { Datasets = "client.datasets:" },
    object = "client.datasets",
    setup = CLIENT,
  },
  {
    name = "dataset_items",
    title = "client.dataset_items",
    summary = "the rows of datasets",
    files = { "llm/api/rows_meta" },
    class = "posthog.llm.DatasetItems",
    owners = { DatasetItems = "client.dataset_items:" },
    object = "client.dataset_items",
    setup = CLIENT .. '\nlocal dataset = assert(client.datasets:create({ name = "golden" }))',
    facts = { { "Names of fields", "item_names" } },
  },
  {
    name = "spend",
    title = "client.spend",
    summary = "your own LLM spend",
    files = { "llm/api/spend" },
    class = "posthog.llm.Spend",
    owners = { Spend = "client.spend:" },
    object = "client.spend",
    setup = CLIENT,
  },
  {
    name = "json",
    title = "llm.json",
    summary = "the codec, which loses nothing",
    files = { "llm/json" },
    class = "posthog.llm.json",
    owners = { json = "llm.json." },
    module = "posthog.llm.json",
    setup = 'local json = require("posthog.llm.json")',
    types = { "posthog.llm.Number", "posthog.llm.Raw" },
  },
  {
    name = "skill_folder",
    title = "posthog.llm.skill_folder",
    summary = "skills as folders: pull, push, status, diff, history",
    files = { "llm/skill_folder" },
    class = "posthog.llm.skill_folder",
    owners = { skill_folder = "skill_folder." },
    module = "posthog.llm.skill_folder",
    setup = CLIENT .. '\nlocal skill_folder = require("posthog.llm.skill_folder")',
    mark = "with history",
    types = { "posthog.llm.SkillStatusList" },
  },
  {
    name = "dataset_file",
    title = "posthog.llm.dataset_file",
    summary = "datasets as files: import, export, diff, sync",
    files = { "llm/dataset_file" },
    class = "posthog.llm.dataset_file",
    owners = { dataset_file = "dataset_file." },
    module = "posthog.llm.dataset_file",
    setup = CLIENT .. '\nlocal dataset_file = require("posthog.llm.dataset_file")',
    mark = "with golden",
    types = { "posthog.llm.DatasetSourceOptions" },
  },
  {
    name = "spend_report",
    title = "posthog.llm.spend_report",
    summary = "a spend response as text, Markdown, CSV, JSON or a page with charts",
    files = { "llm/spend_report" },
    class = "posthog.llm.spend_report",
    owners = { spend_report = "spend_report." },
    module = "posthog.llm.spend_report",
    setup = CLIENT
      .. '\nlocal spend_report = require("posthog.llm.spend_report")'
      .. '\nlocal spend = assert(client.spend:get({ date_from = "-30d" }))',
  },
  {
    name = "credentials",
    title = "posthog.llm.credentials",
    summary = "the account of this machine's user, and its login",
    files = { "llm/credentials" },
    class = "posthog.llm.credentials",
    owners = { credentials = "credentials." },
    module = "posthog.llm.credentials",
    setup = 'local llm = require("posthog.llm")\n'
      .. 'local credentials = require("posthog.llm.credentials")',
  },
  {
    name = "cache",
    title = "posthog.llm.cache",
    summary = "skills for many requests, in nginx and OpenResty",
    files = { "llm/cache" },
    class = "posthog.llm.Cache",
    owners = { cache = "cache.", Cache = "cache:" },
    module = "posthog.llm.cache",
    types = { "posthog.llm.CacheOptions" },
  },
  {
    name = "pace_store",
    title = "pace.store",
    summary = "an object of your own that counts requests",
    files = { "llm/http/rate_limit/store_meta" },
    class = "posthog.llm.PaceStore",
    owners = { PaceStore = "store:" },
    setup = 'local llm = require("posthog.llm")',
    mark = "with history",
    types = { "posthog.llm.PaceWindow" },
  },
  {
    name = "nvim",
    title = "posthog.nvim",
    summary = "the editor plugin's functions and settings",
    files = { "nvim/init" },
    class = "posthog.nvim",
    owners = { nvim = "nvim." },
    types = { "posthog.nvim.Config", "posthog.nvim.SpendConfig" },
  },
  {
    name = "clock",
    title = "posthog.llm.clock",
    summary = "the library's clock and waits, for tests",
    files = { "llm/host/clock" },
    class = "posthog.llm.clock",
    owners = { clock = "clock." },
    module = "posthog.llm.clock",
  },
}
