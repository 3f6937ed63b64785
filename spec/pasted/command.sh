#!/bin/sh
# The command, as a page calls it. Where it asks, a reader answers, on a terminal.
set -eu

case " $* " in
  *" --key-file "*) ;;
  " login "*)
    seen=$(mktemp)
    # Types an answer once a question is there.
    answer() {
      tries=0
      until grep -qs "$1" "$seen" || [ $tries = 100 ]; do
        tries=$((tries + 1))
        sleep 0.05
      done
      sleep 0.1
      echo "$2"
    }
    code=0
    {
      case " $* " in *" --host "*) ;; *) answer "^Host" "$POSTHOG_HOST" ;; esac
      case " $* " in *" --project "*) ;; *) answer "^Project" "$POSTHOG_PROJECT_ID" ;; esac
      answer "^Personal" "$POSTHOG_PERSONAL_API_KEY"
    } | script -qefc "$LUA '${root:?}/bin/posthog-llm' $*" /dev/null >"$seen" || code=$?
    cat "$seen"
    rm "$seen"
    exit $code
    ;;
esac
exec "$LUA" "${root:?}/bin/posthog-llm" "$@"
