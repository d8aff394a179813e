#!/bin/sh
# Slipway's only hook. It passes on what Git says to the daemon, by file descriptor 4, and does what the
# daemon says, by 3: lines to show, and the verdict.
{
	printf 'hook %s\n' "${0##*/}"
	while read -r old new ref; do printf 'ref %s %s %s\n' "$old" "$new" "$ref"; done
	n=0
	while [ "$n" -lt "${GIT_PUSH_OPTION_COUNT:-0}" ]; do
		eval "printf 'option %s\n' \"\$GIT_PUSH_OPTION_$n\""
		n=$((n + 1))
	done
	echo end
} >&4
while IFS= read -r line <&3; do
	case "$line" in
	ok) exit 0 ;;
	no) exit 1 ;;
	*) printf '%s\n' "${line#say }" ;;
	esac
done
exit 1
