# bash completion for footprint(1)
# shellcheck disable=SC2207  # compgen's lines, split at newlines

_footprint_options() {
    case $1 in
    run) echo "--output --app --app-version --help" ;;
    show) echo "--all --gaps --programs --libraries --packages --files --endpoints --missing --json --help" ;;
    diff) echo "--all --summary --json --help" ;;
    merge) echo "--output --force --help" ;;
    why) echo "--json --help" ;;
    *) echo "--help --version" ;;
    esac
}

# Manifests, and folders that may hold some.
_footprint_manifests() {
    local IFS=$'\n'

    compopt -o filenames
    COMPREPLY=($(compgen -f -X '!*.footprint' -- "$1") $(compgen -d -- "$1"))
}

# The paths that the manifest named on the command line has: plain ones only, for names in a manifest
# are not ours, and compgen -W would expand what stands in them.
_footprint_paths() {
    local path

    compopt -o filenames
    while IFS= read -r path; do
        [[ $path != "$2"* ]] || COMPREPLY+=("$path")
    done < <("${COMP_WORDS[0]}" show --json "$1" 2>/dev/null |
        sed -n 's/^{"path":"\([-A-Za-z0-9/._+@:,=]*\)".*/\1/p' | sort -u)
}

# What `footprint run` runs: its program, and that one's own arguments.
_footprint_program() {
    local word=2

    while [ $word -lt "$COMP_CWORD" ]; do
        case ${COMP_WORDS[word]} in
        -o | --output | --app | --app-version) word=$((word + 1)) ;;
        --) word=$((word + 1)) && break ;;
        -*) ;;
        *) break ;;
        esac
        word=$((word + 1))
    done
    if [ $word -lt "$COMP_CWORD" ] && declare -F _command_offset >/dev/null; then
        _command_offset $word
    else
        COMPREPLY=($(compgen -c -- "$1"))
    fi
}

_footprint() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local command=${COMP_WORDS[1]}

    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "run show diff merge why help --help --version" -- "$current"))
        return
    fi
    case $previous in
    -o | --output)
        _footprint_manifests "$current"
        return
        ;;
    --app | --app-version) return ;;
    esac
    case $current in
    -*)
        COMPREPLY=($(compgen -W "$(_footprint_options "$command")" -- "$current"))
        return
        ;;
    esac
    case $command in
    run) _footprint_program "$current" ;;
    help) COMPREPLY=($(compgen -W "run show diff merge why help" -- "$current")) ;;
    why)
        case $previous in
        *.footprint) _footprint_paths "$previous" "$current" ;;
        *) _footprint_manifests "$current" ;;
        esac
        ;;
    *) _footprint_manifests "$current" ;;
    esac
}

complete -F _footprint footprint
