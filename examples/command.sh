#!/bin/sh
# What the command does, from a shell: a skill as a folder that two people edit,
# a dataset out of a file with a bad line, and what was spent.
#
#     make demo                          against the local emulator
#
# It writes into a folder that it makes anew: the first argument, build/demo.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
work=${1:-$root/build/demo}
case $work in /*) ;; *) work=$PWD/$work ;; esac
rm -rf "$work"
mkdir -p "$work/alice" "$work/bob" "$work/carol"

# The Lua that the library was built for.
posthog_llm() {
  "${LUA:-lua5.4}" "$root/bin/posthog-llm" "$@"
}

title() {
  printf '\n%s\n' "$1"
  printf '%s\n' "$1" | sed 's/./-/g'
}

# Shows a command and runs it in somebody's folder; its code must be the one that is expected.
run() {
  expected=$1 folder=$2
  shift 2
  printf '\n%s$ posthog-llm' "$folder"
  for word; do
    case $word in *\ *) printf " '%s'" "$word" ;; *) printf ' %s' "$word" ;; esac
  done
  echo
  code=0
  (cd "$work/$folder" && posthog_llm "$@") 2>&1 || code=$?
  if [ "$code" != "$expected" ]; then
    echo "command.sh: the code is $code, not $expected" >&2
    exit 1
  fi
  [ "$code" = 0 ] || echo "(code $code)"
}

# edit FILE SED-COMMAND: what somebody does in an editor
edit() {
  sed "$2" "$work/$1" >"$work/edited" && mv "$work/edited" "$work/$1"
  printf '\n(%s edits %s)\n' "${1%%/*}" "${1#*/}"
}

title "A skill is a folder"
mkdir -p "$work/alice/web-forms/references"
cat >"$work/alice/web-forms/SKILL.md" <<'END'
---
name: web-forms
description: Fill web forms from a table of values.
allowed-tools: Bash, Read
---
# Web forms

Read references/fields.md first.

## Steps

1. List the fields.
2. Fill them.
3. Check the result.
END
echo "One line a field." >"$work/alice/web-forms/references/fields.md"
run 0 alice skills push web-forms
run 0 alice skills push web-forms
run 0 bob skills pull web-forms

title "Two people change it"
edit bob/web-forms/SKILL.md 's/Check the result/Check the result twice/'
run 0 bob skills push web-forms --note "Be sure."
edit alice/web-forms/SKILL.md 's/# Web forms/# Forms on the web/'
run 0 alice skills status web-forms
run 0 alice skills push web-forms
sed -n '/^#/,$p' "$work/alice/web-forms/SKILL.md"

title "Both change the same line"
run 0 bob skills pull web-forms
edit bob/web-forms/SKILL.md 's/1\. .*/1. List all fields./'
run 0 bob skills push web-forms
edit alice/web-forms/SKILL.md 's/1\. .*/1. List the fields, and their types./'
run 3 alice skills push web-forms
sed -n '/^<<<</,/^>>>>/p' "$work/alice/web-forms/SKILL.md"
edit alice/web-forms/SKILL.md '/^<<<</d; /^====/,/^>>>>/d; s/1\. .*/1. List all fields, and their types./'
run 0 alice skills push web-forms

title "A dataset out of a file, one line of which is broken"
cat >"$work/carol/questions.jsonl" <<'END'
{"question": "What is 2 + 2?", "answer": 4}
{"question": "What is 2 to the 64th?", "answer": 18446744073709551616}
{"question": "What is nothing?", "answer": null}
{"question": "Who wrote this line?", "answer":
{"question": "What is one half?", "answer": 0.5}
END
run 7 carol datasets import questions questions.jsonl --create \
  --field input=question --field output=answer
echo
cat "$work/carol/questions.jsonl.rejects.jsonl"
run 0 carol datasets export questions copy.jsonl --fields id,input,output
cat "$work/carol/copy.jsonl"
edit carol/copy.jsonl 's/0\.5/0.50000001/'
run 7 carol datasets diff questions copy.jsonl --key input

title "What was spent"
run 0 carol spend --from=-7d --budget 4000 --width 80 --rows 5
run 0 carol spend --from=-7d --format html --output spend.html
echo
echo "Look at it: $work/carol/spend.html"
