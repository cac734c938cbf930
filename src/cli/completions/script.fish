
# Whether the command on the line is one of those; "daemon" if there is none.
function __health_checker_in
    set -l words (commandline -opc)
    set -l command daemon
    if set -q words[2]; and contains -- $words[2] $__health_checker_commands
        set command $words[2]
    end
    contains -- $command $argv
end

# Whether the cursor is at the first word.
function __health_checker_first
    test (count (commandline -opc)) -eq 1
end

# Whether a command has no argument yet. The options that take a value are given.
function __health_checker_lacks_argument
    set -l words (commandline -opc)
    set -e words[1 2]
    set -l before ''
    for word in $words
        if not string match -q -- '-*' $word; and not contains -- $before $argv
            return 1
        end
        set before $word
    end
    return 0
end

function __health_checker_checks
    set -l words (commandline -opc)
    set -l socket
    set -l before ''
    for word in $words
        if test "$before" = --control-socket
            set socket --control-socket $word
        else if string match -q -- '--control-socket=*' $word
            set socket $word
        end
        set before $word
    end
    set -l program (string replace -r '^~/' "$HOME/" -- $words[1])
    # For an unknown command fish itself would print an error.
    command -q -- $program; or return
    $program completions --checks $socket 2>/dev/null
end
