// What goes into an evidence folder beside the evidence, the same for every folder: how to check it, in words and as a
// script. Neither needs anything of ours, so that nobody has to trust this program to check what it has written.

/**
 * For any POSIX shell, with openssl (3.0 or newer, for -rawin) and sha256sum: only those two are started. It looks at
 * everything, says each thing that is wrong, and ends with 1 then.
 */
export const verifyScript = String.raw`#!/bin/sh
# Checks this folder: sh verify.sh. See VERIFY.txt for what it shows and what not.
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")" || exit 1
set -f
red=0
wrong() { printf 'WRONG  %s\n' "$1"; red=1; }
right() { printf 'ok     %s\n' "$1"; }
digest() { sum=$(sha256sum < "$1" 2> /dev/null) || sum=unreadable; sum=\${sum%% *}; }

# 1. The head was signed with the key.
if openssl pkeyutl -verify -pubin -inkey public-key.pem -rawin -in head.txt -sigfile head.sig > /dev/null 2>&1
then right 'head.txt is signed with public-key.pem'
else wrong 'head.txt is not signed with public-key.pem'
fi
{
  IFS= read -r form
  IFS= read -r archive
  IFS= read -r day
  IFS= read -r number
  IFS= read -r head
} < head.txt
[ "$form" = clipward-head-1 ] || wrong 'head.txt is not the head of a chain'

# 2. Which files are to be checked: whatever is none of the folder's own.
media=' '
set +f
for file in *
do
  case $file in
    chain.txt | head.txt | head.sig | public-key.pem | manifest.json | VERIFY.txt | verify.sh) continue ;;
    receipt-*.json) continue ;;
    *[!A-Za-z0-9_.-]*) wrong 'there is a file here with a name that no clip or segment has'; continue ;;
  esac
  media="$media$file "
done
set -f
[ "$media" != ' ' ] || wrong 'there is no media here'

# 3. The chain leads to the head, and says of each file what it was when it was received.
known=' '
before=
last=
{
  IFS= read -r before
  while IFS= read -r line
  do
    before=$(printf '%s\n%s' "$before" "$line" | sha256sum)
    before=\${before%% *}
    set -- $line
    last=$1
    [ "$3" = kept ] || continue
    case $media in *"_$5."*) ;; *) continue ;; esac
    known="$known$5 "
    for file in $media
    do
      case $file in *"_$5."*) ;; *) continue ;; esac
      digest "$file"
      if [ "$sum" = "$8" ]
      then right "$file is what was received at $9"
      else wrong "$file is not what was received"
      fi
    done
    if [ "\${10}" != - ]
    then
      digest "receipt-$5.json"
      if [ "$sum" = "\${10}" ]
      then right "receipt-$5.json is the receipt that came with it"
      else wrong "receipt-$5.json is not the receipt that came with it"
      fi
    fi
    told=0
    while IFS= read -r fact
    do
      case $fact in *"\"sha256\": \"$8\""*) told=1 ;; esac
    done < manifest.json
    if [ $told = 1 ]
    then right "manifest.json has the SHA-256 of $5"
    else wrong "manifest.json does not have the SHA-256 of $5"
    fi
  done
} < chain.txt
if [ "$before" = "$head" ] && [ "$last" = "$number" ]
then right "chain.txt leads to the head of $day, entry $number, of archive $archive"
else wrong 'chain.txt does not lead to the head'
fi
for file in $media
do
  id=\${file##*_}
  id=\${id%%.*}
  case $known in *" $id "*) ;; *) wrong "the chain does not say that $file was received" ;; esac
done

# 4. The fingerprint is for a person to compare.
fingerprint=$(openssl pkey -pubin -in public-key.pem -outform DER 2> /dev/null | sha256sum)
printf '\nThe key is %s\nIt is the right one if the owner of the archive noted the same (clipward verify prints it).\n' "\${fingerprint%% *}"
if [ $red = 0 ]
then printf 'Everything fits together.\n'
else printf 'SOMETHING IS WRONG, see above.\n'
fi
exit $red
`.replaceAll('\\${', '${');

export const verifyText = `HOW TO CHECK THIS FOLDER

With a shell, openssl (3.0 or newer) and sha256sum:

    sh verify.sh

It ends with "Everything fits together." and exit status 0, or says what is wrong. The script came in
the same folder as the evidence: whoever has reason to doubt it does the same by hand, as follows.

1. The head was signed by the key of the installation that received the media:

       openssl pkeyutl -verify -pubin -inkey public-key.pem -rawin -in head.txt -sigfile head.sig

   head.txt has five lines: its form, the id of the archive, a day (UTC), the number of the last entry
   of that day, and that entry's hash.

2. The key is the right one. Its fingerprint is

       openssl pkey -pubin -in public-key.pem -outform DER | sha256sum

   Compare it with what the owner of the archive noted earlier, or has in logs elsewhere (clipward
   verify, clipward status and the daily log line "chain head" show it). Without that comparison,
   everything here could have been made by anybody.

3. The chain leads to the head. The first line of chain.txt is a hash; every other line is an entry.
   The hash of an entry is the SHA-256 of the hash before it, a line feed, and the entry (without a
   line feed at its end):

       printf '%s\\n%s' HASH-BEFORE 'ENTRY' | sha256sum

   The last one is the hash in head.txt. The fields of an entry, with a space between them:

       number, when it was written, kept, clip or segment, id, camera, bytes, SHA-256, when it was
       received (a segment: finished), SHA-256 of the receipt (a segment has none: -)

   or, for something that was deleted by a rule of retention,

       number, when it was deleted, gone, clip or segment, id, camera, bytes, SHA-256, which rule

4. Each media file and receipt is what its entry says:

       sha256sum FILE

WHAT THIS SHOWS

That the media and its receipt have not changed since this installation received them, at the time that
its own clock showed, from the camera account named; and that whoever changed anything since would have
needed its signing key. The receipt says what the receiver saw: name, size, times, sender, encryption,
and how the end of the upload was proven. A segment is a file of footage, about a minute, that the
installation recorded from the camera's stream; it has not changed since it was finished.

WHAT IT DOES NOT SHOW

That the camera filmed what it seems to have filmed, or that its clock was right. What manifest.json
lists under "notCovered" was worked out by the installation and may have been corrected since. And
whoever controls the machine itself (root, or whoever holds the key) could have written another history,
except where a copy of a head was kept elsewhere: clipward verify --expect HEAD on the installation
shows whether such a head is still part of its chain.
`;
