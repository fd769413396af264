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

_footprint_files() {
    local IFS=$'\n'

    compopt -o filenames
    COMPREPLY=($(compgen -f -- "$1"))
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

# Sets `place` to where the program of `footprint run` stands, or will stand: behind our options, or
# behind "--".
_footprint_program_place() {
    place=2
    while [ "$place" -lt "$COMP_CWORD" ]; do
        case ${COMP_WORDS[place]} in
        --) place=$((place + 1)) && return ;;
        --*=*) ;;
        -o) place=$((place + 1)) ;;
        --o* | --app*) # bash takes "--app=shop" for three words
            place=$((place + 1))
            [ "${COMP_WORDS[place]}" != = ] || place=$((place + 1))
            ;;
        -*) ;;
        *) return ;;
        esac
        place=$((place + 1))
    done
    # An option that is being written.
    [[ ${COMP_WORDS[COMP_CWORD]} != -* ]] || place=$((COMP_CWORD + 1))
}

# The program that stands at a place, or its arguments: all from there on is its own.
_footprint_program() {
    if [ "$1" -eq "$COMP_CWORD" ]; then
        COMPREPLY=($(compgen -c -- "$2"))
    elif declare -F _command_offset >/dev/null; then
        _command_offset "$1"
    else
        _footprint_files "$2"
    fi
}

_footprint() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local command=${COMP_WORDS[1]} place

    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "run show diff merge why help --help --version" -- "$current"))
        return
    fi
    if [ "$command" = run ]; then
        _footprint_program_place
        if [ "$place" -le "$COMP_CWORD" ]; then
            _footprint_program "$place" "$current"
            return
        fi
    fi
    [ "$current" != = ] || current=
    [ "$previous" != = ] || previous=${COMP_WORDS[COMP_CWORD - 2]}
    case $previous in
    -o | --o*)
        _footprint_manifests "$current"
        return
        ;;
    --app*) return ;;
    esac
    case $current in
    -*)
        COMPREPLY=($(compgen -W "$(_footprint_options "$command")" -- "$current"))
        return
        ;;
    esac
    case $command in
    run) ;;
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
