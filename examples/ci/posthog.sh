#!/bin/sh
# Keeps the skills and datasets of a repository and of PostHog equal, from CI.
#
#     sh posthog.sh check        for a pull request: what is wrong, and what merging it would change.
#                                Nothing is written to PostHog
#     sh posthog.sh publish      on merge: pushes the skills, and makes the datasets equal to the files
#
# Set what differs from this:
#
#     SKILLS=skills              a folder for each skill
#     DATASETS=datasets          a file for each dataset: golden.jsonl, golden.csv, ... is golden
#     DATASET_KEY=metadata.id    what tells the items of a dataset apart
#     PRUNE=                     not empty: items that a file lacks are deleted
#     POSTHOG_LLM=posthog-llm    the command
#
# The key comes from POSTHOG_PERSONAL_API_KEY, the project from POSTHOG_PROJECT_ID, and is printed
# nowhere. Without a key a check is the lint alone: pull requests from forks get no secrets.
#
# All steps run, so that one run shows all that is wrong, except where the key is refused. The exit
# code is that of the first step that failed; `posthog-llm help` lists them. In GitHub Actions findings
# are shown at their lines, and all output is in the job's summary.
set -u

mode=${1:-}
skills=${SKILLS:-skills}
datasets=${DATASETS:-datasets}
key=${DATASET_KEY:-metadata.id}
command=${POSTHOG_LLM:-posthog-llm}

NO_KEY=5 # the exit code of a key that is missing or refused

case $mode in
  check | publish) ;;
  *)
    echo "usage: sh $0 check|publish" >&2
    exit 2
    ;;
esac

out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
trap 'exit 130' INT TERM

steps=0 failed='' code=0 stopped=''

# Shows in GitHub Actions what is at a line of a file: "path:line: message".
annotate() {
  sed -n -e 's/%/%25/g' -e 's/^\([^: ]*\):\([0-9][0-9]*\): \(.*\)$/::error file=\1,line=\2::\3/p' "$out"
}

# Prints the output of a step. In GitHub Actions lines that look like commands to the runner are only
# text: a skill of somebody else may hold some.
show() {
  if [ -n "${GITHUB_ACTIONS:-}" ]; then
    token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    printf '::group::%s\n::stop-commands::%s\n' "$1" "$token"
    cat "$out"
    printf '::%s::\n::endgroup::\n' "$token"
    [ "$2" = 0 ] || annotate
  else
    printf '== %s\n' "$1"
    cat "$out"
  fi
  if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
    mark='ok'
    [ "$2" = 0 ] || mark="failed ($2)"
    # Fenced by more tildes than a text is likely to hold, and cut to what the page can show.
    {
      printf '### %s: %s\n\n~~~~~~~~diff\n' "$1" "$mark"
      head -c 50000 "$out"
      printf '\n~~~~~~~~\n\n'
    } >>"$GITHUB_STEP_SUMMARY"
  fi
}

# Runs a step: step TITLE ARGUMENT...
step() {
  title=$(printf '%s' "$1" | tr '\r\n' '  ') # of a file's name too, which would begin a line
  shift
  [ -z "$stopped" ] || return 0
  steps=$((steps + 1))
  # shellcheck disable=SC2086 # the command may have arguments
  $command "$@" >"$out" 2>&1
  status=$?
  show "$title" "$status"
  [ "$status" = 0 ] && return 0
  failed="$failed
  $title: exit code $status"
  [ "$code" != 0 ] || code=$status
  [ "$status" != "$NO_KEY" ] || stopped=yes
}

has_key() {
  [ -n "${POSTHOG_PERSONAL_API_KEY:-}${POSTHOG_CLI_API_KEY:-}${POSTHOG_CLI_TOKEN:-}" ]
}

# Whether a pattern has matched anything.
exists() {
  [ -e "$1" ]
}

if exists "$skills"/*/SKILL.md; then
  set --
  for file in "$skills"/*/SKILL.md; do
    set -- "$@" "${file%/SKILL.md}"
  done
  step "lint of $skills" skills lint "$@"
  if [ "$mode" = publish ] && [ "$code" = 0 ]; then
    step "push of $skills" skills push --all "$skills"
  elif [ "$mode" = check ] && has_key; then
    step "status of $skills" skills status --all "$skills"
    step "push of $skills, rehearsed" skills push --all --dry-run "$skills"
  fi
fi

if exists "$datasets"/* && { [ "$mode" = publish ] || has_key; }; then
  for file in "$datasets"/*; do
    case $file in
      *.journal | *.rejects.jsonl) continue ;;
    esac
    name=$(basename "$file")
    name=${name%.gz}
    name=${name%.*}
    set -- datasets sync --create --key "$key"
    [ -z "${PRUNE:-}" ] || set -- "$@" --prune
    [ "$mode" = publish ] || set -- "$@" --dry-run
    step "dataset $name, of $file" "$@" -- "$name" "$file"
  done
fi

if [ "$mode" = check ] && ! has_key; then
  echo "there is no key: only the lint ran"
fi
if [ "$steps" = 0 ]; then
  echo "nothing to do: there is no $skills/*/SKILL.md, and nothing in $datasets" >&2
  exit 2
fi
if [ "$code" != 0 ]; then
  printf '%s failed:%s\n' "$mode" "$failed" >&2
  [ -z "$stopped" ] || echo "the other steps were left out: they need the key too" >&2
  exit "$code"
fi
echo "$mode: $steps steps, nothing failed"
