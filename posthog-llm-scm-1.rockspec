rockspec_format = "3.0"
package = "posthog-llm"
version = "scm-1"

-- There is no public address to fetch from: run `luarocks make` in a checkout.
source = {
  url = "file://.",
}

description = {
  summary = "PostHog's LLM API: skills, datasets and spend, in scripts, Neovim and nginx",
  detailed = [[
A client of PostHog's LLM API for Lua 5.1 to 5.4 and LuaJIT. A C core does HTTP
(libcurl) and lossless JSON; the same code runs in a script, in Neovim and in
an nginx handler, and blocks neither of the last two.
]],
  license = "MIT",
  labels = { "posthog", "llm", "http", "json", "neovim", "openresty" },
}

dependencies = {
  "lua >= 5.1, < 5.5",
  "lua-cjson",
}

-- No header is named: LuaRocks does not look into include/<architecture>, where
-- Debian has it and the compiler finds it. Elsewhere CURL_DIR=... helps.
external_dependencies = {
  CURL = { library = "curl" },
}

build = {
  type = "builtin",
  modules = {
    ["posthog.llm.core"] = {
      sources = {
        "src/buffer.c",
        "src/core.c",
        "src/doorbell.c",
        "src/engine.c",
        "src/fields.c",
        "src/files.c",
        "src/handles.c",
        "src/json.c",
        "src/json_big.c",
        "src/json_decode.c",
        "src/json_encode.c",
        "src/json_foreign.c",
        "src/json_key.c",
        "src/json_large.c",
        "src/json_literal.c",
        "src/json_number.c",
        "src/json_refuse.c",
        "src/json_shape.c",
        "src/json_string.c",
        "src/kept.c",
        "src/pool.c",
        "src/request.c",
        "src/secret.c",
        "src/sha256.c",
        "src/terms.c",
        "src/transfer.c",
        "src/transfer_handle.c",
        "src/url.c",
        "src/wake.c",
        "src/watches.c",
      },
      incdirs = { "$(CURL_INCDIR)" },
      libdirs = { "$(CURL_LIBDIR)" },
      libraries = { "curl", "pthread", "m" },
    },
    ["posthog.llm"] = "lua/posthog/llm/init.lua",
    ["posthog.llm.adapt"] = "lua/posthog/llm/adapt.lua",
    ["posthog.llm.body"] = "lua/posthog/llm/body.lua",
    ["posthog.llm.call"] = "lua/posthog/llm/call.lua",
    ["posthog.llm.check"] = "lua/posthog/llm/check.lua",
    ["posthog.llm.client"] = "lua/posthog/llm/client.lua",
    ["posthog.llm.clock"] = "lua/posthog/llm/clock.lua",
    ["posthog.llm.compare"] = "lua/posthog/llm/compare.lua",
    ["posthog.llm.config"] = "lua/posthog/llm/config.lua",
    ["posthog.llm.dataset_items"] = "lua/posthog/llm/dataset_items.lua",
    ["posthog.llm.datasets"] = "lua/posthog/llm/datasets.lua",
    ["posthog.llm.errors"] = "lua/posthog/llm/errors.lua",
    ["posthog.llm.exports"] = "lua/posthog/llm/exports.lua",
    ["posthog.llm.find_created"] = "lua/posthog/llm/find_created.lua",
    ["posthog.llm.headers"] = "lua/posthog/llm/headers.lua",
    ["posthog.llm.host"] = "lua/posthog/llm/host.lua",
    ["posthog.llm.host.ngx"] = "lua/posthog/llm/host/ngx.lua",
    ["posthog.llm.host.plain"] = "lua/posthog/llm/host/plain.lua",
    ["posthog.llm.host.uv"] = "lua/posthog/llm/host/uv.lua",
    ["posthog.llm.item_versions"] = "lua/posthog/llm/item_versions.lua",
    ["posthog.llm.json"] = "lua/posthog/llm/json.lua",
    ["posthog.llm.mask"] = "lua/posthog/llm/mask.lua",
    ["posthog.llm.pace"] = "lua/posthog/llm/pace.lua",
    ["posthog.llm.pace_dict"] = "lua/posthog/llm/pace_dict.lua",
    ["posthog.llm.pace_line"] = "lua/posthog/llm/pace_line.lua",
    ["posthog.llm.pace_memory"] = "lua/posthog/llm/pace_memory.lua",
    ["posthog.llm.pages"] = "lua/posthog/llm/pages.lua",
    ["posthog.llm.profile"] = "lua/posthog/llm/profile.lua",
    ["posthog.llm.query"] = "lua/posthog/llm/query.lua",
    ["posthog.llm.response"] = "lua/posthog/llm/response.lua",
    ["posthog.llm.retry"] = "lua/posthog/llm/retry.lua",
    ["posthog.llm.rows"] = "lua/posthog/llm/rows.lua",
    ["posthog.llm.scheduler"] = "lua/posthog/llm/scheduler.lua",
    ["posthog.llm.scope"] = "lua/posthog/llm/scope.lua",
    ["posthog.llm.settle"] = "lua/posthog/llm/settle.lua",
    ["posthog.llm.skill_settle"] = "lua/posthog/llm/skill_settle.lua",
    ["posthog.llm.skills"] = "lua/posthog/llm/skills.lua",
    ["posthog.llm.skills_current"] = "lua/posthog/llm/skills_current.lua",
    ["posthog.llm.spend"] = "lua/posthog/llm/spend.lua",
    ["posthog.llm.spend_report"] = "lua/posthog/llm/spend_report.lua",
    ["posthog.llm.spend_report.charts"] = "lua/posthog/llm/spend_report/charts.lua",
    ["posthog.llm.spend_report.csv"] = "lua/posthog/llm/spend_report/csv.lua",
    ["posthog.llm.spend_report.forecast"] = "lua/posthog/llm/spend_report/forecast.lua",
    ["posthog.llm.spend_report.html"] = "lua/posthog/llm/spend_report/html.lua",
    ["posthog.llm.spend_report.html_style"] = "lua/posthog/llm/spend_report/html_style.lua",
    ["posthog.llm.spend_report.json"] = "lua/posthog/llm/spend_report/json.lua",
    ["posthog.llm.spend_report.line"] = "lua/posthog/llm/spend_report/line.lua",
    ["posthog.llm.spend_report.markdown"] = "lua/posthog/llm/spend_report/markdown.lua",
    ["posthog.llm.spend_report.markup"] = "lua/posthog/llm/spend_report/markup.lua",
    ["posthog.llm.spend_report.model"] = "lua/posthog/llm/spend_report/model.lua",
    ["posthog.llm.spend_report.numbers"] = "lua/posthog/llm/spend_report/numbers.lua",
    ["posthog.llm.spend_report.period"] = "lua/posthog/llm/spend_report/period.lua",
    ["posthog.llm.spend_report.text"] = "lua/posthog/llm/spend_report/text.lua",
    ["posthog.llm.spend_report.width"] = "lua/posthog/llm/spend_report/width.lua",
    ["posthog.llm.times"] = "lua/posthog/llm/times.lua",
    ["posthog.llm.trust"] = "lua/posthog/llm/trust.lua",
    ["posthog.llm.types"] = "lua/posthog/llm/types.lua",
    ["posthog.llm.vocabulary"] = "lua/posthog/llm/vocabulary.lua",
    ["posthog.llm.url"] = "lua/posthog/llm/url.lua",
  },
}
