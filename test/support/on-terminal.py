# Runs a program on a terminal of its own, types answers into it, and prints what stood on that terminal. Ends as the program does.
# Arguments: JSON [[mark, keys], ...], each mark waited for before its keys are typed; then the program and its arguments.

import json
import os
import pty
import select
import sys
import time

turns = json.loads(sys.argv[1])
deadline = time.monotonic() + 60

process, terminal = pty.fork()
if process == 0:
    os.execvp(sys.argv[2], sys.argv[2:])

seen = b''
while True:
    if not select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0]:
        os.kill(process, 9)
        sys.exit('nothing more came within time after %r' % seen)
    try:
        piece = os.read(terminal, 65536)
    except OSError:
        piece = b''
    if piece == b'':
        break
    seen += piece
    if turns and turns[0][0].encode() in seen:
        os.write(terminal, turns.pop(0)[1].encode())
if turns:
    sys.exit('%r never came, but %r' % (turns[0][0], seen))
sys.stdout.buffer.write(seen)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
