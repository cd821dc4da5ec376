# Holds what a program starts. Told by lines on standard input; their end, however it comes about, is the end of all it holds.
# $1: an entry of the environment (NAME=value) that everything has which is to end, or nothing.
mark=$1
group=
trap '' HUP INT TERM
while read -r word value; do
    case $word in
    group) group=$value ;;
    signal) kill -s "$value" -- "-$group" ;;
    release) exit 0 ;;
    esac
done
if [ -n "$group" ]; then kill -s KILL -- "-$group"; fi
if [ -z "$mark" ]; then exit 0; fi
# Those that left the group kept their environment. One that was just being started shows at the next look.
for look in 1 2 3 4 5 6 7 8 9 10; do
    found=$(grep -lszxF -e "$mark" /proc/[0-9]*/environ)
    if [ -z "$found" ]; then exit 0; fi
    for entry in $found; do
        id=${entry%/environ}
        kill -s KILL "${id#/proc/}"
    done
    sleep 0.02
done
