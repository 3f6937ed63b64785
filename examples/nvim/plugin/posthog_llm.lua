require("posthog_llm").commands()
