# Types a line and a Tab into a shell with a terminal, and prints what stands on its command line then.
# Arguments: bash or zsh, the file with the completion, the line.

import os
import pty
import select
import sys
import time

shell, completion, line = sys.argv[1:4]
commands = {
    'bash': ['bash', '--norc', '--noprofile', '-i'],
    'zsh': ['zsh', '-f', '-i', '+o', 'PROMPT_SP'],
}
# Ctrl-X writes the line between two marks. Neither the marks nor the prompt stand in what is typed here, as it is echoed.
setups = {
    'bash': "PS1=rea''dy; bind 'set enable-bracketed-paste off'; source '%s'; show() { printf '\\074<%%s>\\076' \"$READLINE_LINE\"; exit; }; bind -x '\"\\C-x\": show'\r",
    'zsh': "PS1=rea''dy; autoload -Uz compinit; compinit -u -D; source '%s'; show() { printf '\\074<%%s>\\076' \"$BUFFER\"; exit }; zle -N show; bindkey '^X' show\r",
}
deadline = time.monotonic() + 30

process, terminal = pty.fork()
if process == 0:
    os.execvp(shell, commands[shell])


def read_until(mark, seen=''):
    while mark not in seen:
        if not select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0]:
            sys.exit('no %r within time, but %r' % (mark, seen))
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            sys.exit('%s ended before %r: %r' % (shell, mark, seen))
        seen += piece.decode(errors='replace')
    return seen


os.write(terminal, (setups[shell] % completion).encode())
read_until('ready')
os.write(terminal, (line + '\t\x18').encode())
seen = read_until('>>')
os.close(terminal)
os.waitpid(process, 0)
print(seen[seen.index('<<') + 2 : seen.index('>>')])
