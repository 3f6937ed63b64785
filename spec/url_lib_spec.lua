local core = require("posthog.llm.core")
local url = require("posthog.llm.http.url")

describe("posthog.llm.http.url", function()
  describe("parse", function()
    it("splits a URL into its parts", function()
      assert.same({
        scheme = "https",
        host = "posthog.example",
        port = "8443",
        origin = "https://posthog.example:8443",
        path = "/a/b",
        query = "c=d?e",
      }, url.parse("https://posthog.example:8443/a/b?c=d?e#f"))
      assert.same({
        scheme = "http",
        host = "[::1]",
        port = "80",
        origin = "http://[::1]",
        path = "",
      }, url.parse("http://[::1]"))
    end)

    it("treats two spellings of an origin as equal", function()
      for _, case in ipairs({
        { "HTTPS://Us.PostHog.com", "https://us.posthog.com" },
        { "https://us.posthog.com:443/", "https://us.posthog.com" },
        { "https://us.posthog.com:", "https://us.posthog.com" },
        { "https://us.posthog.com:0443/x", "https://us.posthog.com" },
        { "http://h:80?q", "http://h" },
        { "http://h:443", "http://h:443" },
        { "http://h#/path", "http://h" },
      }) do
        assert.equal(case[2], url.parse(case[1]).origin)
      end
    end)

    it("reports a user or password, keeps neither, and is not misled about the host", function()
      for _, text in ipairs({
        "https://me:hunter2@h.example/",
        "https://me@h.example",
        "https://127.0.0.1@h.example",
        "https://a@b@h.example/",
      }) do
        local parsed = url.parse(text)
        assert.is_true(parsed.userinfo)
        assert.equal("h.example", parsed.host)
        for _, value in pairs(parsed) do
          assert.is_nil(tostring(value):find("hunter2", 1, true))
        end
      end
    end)

    it("refuses a URL in which libcurl, which connects, would see another host", function()
      local text = "https://us.eass@[::%.er:pass@[::1]:443"
      local parsed, why = url.parse(text)
      local host = core.url_address(text) -- not every libcurl takes it so, or at all
      if host and host ~= "[::1]" then
        assert.is_nil(parsed)
        assert.matches("invalid host", why, 1, true)
      else
        assert.is_true(parsed.userinfo)
      end
    end)

    for text, problem in pairs({
      [""] = "not an http or https URL",
      ["us.posthog.com"] = "not an http or https URL",
      ["localhost:8000"] = "not an http or https URL",
      ["ftp://h/"] = "not an http or https URL",
      ["file:///etc/passwd"] = "not an http or https URL",
      ["https:/h"] = "not an http or https URL",
      ["https://"] = "no host",
      ["https:///path"] = "no host",
      ["https://:80"] = "no host",
      ["https://h:x"] = "invalid port",
      ["https://a:b:c"] = "invalid port",
      ["https://[::1"] = "invalid host",
      ["https://[zz]"] = "invalid host",
      ["https://h:0"] = "port",
      ["https://h:65536"] = "port",
      ["https://h:999999999999"] = "port",
      ["https://h /"] = "space",
      ["https://h\r\n/"] = "control character",
      ["https://h\\evil"] = "invalid host",
    }) do
      it(("refuses the URL %q"):format(text), function()
        local parsed, why = url.parse(text)
        assert.is_nil(parsed)
        assert.is_truthy(why:find(problem, 1, true), why)
      end)
    end
  end)

  describe("without_userinfo", function()
    it("removes user and password, and leaves the rest as it is", function()
      for _, case in ipairs({
        { "https://me:hunter2@h:8/a@b?c@d", "https://h:8/a@b?c@d" },
        { "https://a@b@h/", "https://h/" },
        { "https://h/x@y", "https://h/x@y" },
        { "mailto:me@h", "mailto:me@h" },
      }) do
        assert.equal(case[2], url.without_userinfo(case[1]))
      end
    end)
  end)

  describe("is_loopback", function()
    it("is true for this machine's names and addresses only", function()
      for _, host in ipairs({
        "localhost",
        "api.localhost",
        "127.0.0.1",
        "127.255.255.255",
        "[::1]",
      }) do
        assert.is_true(url.is_loopback(host), host)
      end
      for _, host in ipairs({
        "127.0.0.1.example",
        "localhost.example",
        "notlocalhost",
        "128.0.0.1",
        "10.0.0.1",
        "0.0.0.0",
        "[::2]",
        "[::ffff:10.0.0.1]",
        "posthog.example",
        "127.1.example",
        "127.0.0.256",
        "127.0.256.1",
        "127.256.0.1",
        "1127.0.0.1",
      }) do
        assert.is_false(url.is_loopback(host), host)
      end
    end)
  end)

  describe("join", function()
    -- RFC 3986 5.4, for schemes with an authority.
    local base = "http://a/b/c/d;p?q"
    for reference, target in pairs({
      ["g:h"] = "g:h",
      ["g"] = "http://a/b/c/g",
      ["./g"] = "http://a/b/c/g",
      ["g/"] = "http://a/b/c/g/",
      ["/g"] = "http://a/g",
      ["//g"] = "http://g",
      ["?y"] = "http://a/b/c/d;p?y",
      ["g?y"] = "http://a/b/c/g?y",
      [";x"] = "http://a/b/c/;x",
      ["g;x"] = "http://a/b/c/g;x",
      ["g;x?y"] = "http://a/b/c/g;x?y",
      [""] = "http://a/b/c/d;p?q",
      ["."] = "http://a/b/c/",
      ["./"] = "http://a/b/c/",
      [".."] = "http://a/b/",
      ["../"] = "http://a/b/",
      ["../g"] = "http://a/b/g",
      ["../.."] = "http://a/",
      ["../../"] = "http://a/",
      ["../../g"] = "http://a/g",
      -- abnormal examples
      ["../../../g"] = "http://a/g",
      ["../../../../g"] = "http://a/g",
      ["/./g"] = "http://a/g",
      ["/../g"] = "http://a/g",
      ["g."] = "http://a/b/c/g.",
      [".g"] = "http://a/b/c/.g",
      ["g.."] = "http://a/b/c/g..",
      ["..g"] = "http://a/b/c/..g",
      ["./../g"] = "http://a/b/g",
      ["./g/."] = "http://a/b/c/g/",
      ["g/./h"] = "http://a/b/c/g/h",
      ["g/../h"] = "http://a/b/c/h",
      ["g;x=1/./y"] = "http://a/b/c/g;x=1/y",
      ["g;x=1/../y"] = "http://a/b/c/y",
      ["g?y/./x"] = "http://a/b/c/g?y/./x",
      ["g?y/../x"] = "http://a/b/c/g?y/../x",
    }) do
      it(("resolves %q as RFC 3986 does"):format(reference), function()
        assert.equal(target, url.join(base, reference))
      end)
    end

    it("drops a fragment, which is not sent", function()
      for _, case in ipairs({
        { "#s", "http://a/b/c/d;p?q" },
        { "g#s", "http://a/b/c/g" },
        { "g?y#s/../x", "http://a/b/c/g?y" },
        { "http://x/#s", "http://x/" },
      }) do
        assert.equal(case[2], url.join(base, case[1]))
      end
    end)

    it("resolves against a base without a path, and keeps empty segments", function()
      assert.equal("https://h/g", url.join("https://h", "g"))
      assert.equal("https://h/g", url.join("https://h?q", "g"))
      assert.equal("https://h/a//b/c", url.join("https://h/a//b/x", "c"))
      assert.equal("https://h:8/?y", url.join("https://h:8/", "?y"))
    end)

    it("removes dot segments of an absolute target too", function()
      assert.equal("https://h/b?../c", url.join("http://a/", "https://h/a/../b?../c"))
      assert.equal("https://h/b", url.join("https://a/", "//h/./b"))
    end)
  end)
end)
