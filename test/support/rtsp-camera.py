"""An RTSP camera for tests: gst-rtsp-server on a free port of loopback.

Prints {"port": N} and serves until standard input ends. One JSON object as its argument: codec (h264, h265), audio (aac,
pcmu, pcma or null), user, password (Digest log-in), certificate (a PEM with key, for rtsps), width, height, rate,
keyframes (pictures between two), bitrate (kbit/s), port (0: a free one), host.
"""
import json
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtspServer  # noqa: E402

options = {
    "codec": "h264", "audio": None, "user": None, "password": None, "certificate": None,
    "width": 320, "height": 240, "rate": 15, "keyframes": 15, "bitrate": 500, "port": 0, "host": "127.0.0.1",
    **json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}"),
}
Gst.init(None)

size = "video/x-raw,width=%(width)d,height=%(height)d,framerate=%(rate)d/1" % options
encoders = {
    "h264": "x264enc tune=zerolatency speed-preset=ultrafast threads=1 sliced-threads=false bitrate=%(bitrate)d key-int-max=%(keyframes)d ! h264parse "
            "! rtph264pay config-interval=-1 name=pay0 pt=96",
    "h265": "x265enc tune=zerolatency speed-preset=ultrafast bitrate=%(bitrate)d key-int-max=%(keyframes)d ! h265parse "
            "! rtph265pay config-interval=-1 name=pay0 pt=96",
}
sounds = {
    "aac": "avenc_aac ! aacparse ! rtpmp4gpay name=pay1 pt=97",
    "pcmu": "mulawenc ! rtppcmupay name=pay1 pt=0",
    "pcma": "alawenc ! rtppcmapay name=pay1 pt=8",
}
pipeline = (
    "( videotestsrc is-live=true pattern=ball ! " + size + " ! timeoverlay ! videoconvert ! "
    + encoders[options["codec"]] % options
)
if options["audio"]:
    rate = "16000" if options["audio"] == "aac" else "8000"
    pipeline += (
        " audiotestsrc is-live=true wave=ticks ! audioconvert ! audioresample ! audio/x-raw,rate=" + rate + ",channels=1 ! "
        + sounds[options["audio"]]
    )
pipeline += " )"

server = GstRtspServer.RTSPServer()
server.set_address(options["host"])
server.set_service(str(options["port"]))
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(pipeline)
factory.set_shared(True)

if options["user"]:
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtspServer.RTSPAuthMethod.DIGEST if hasattr(GstRtspServer, "RTSPAuthMethod") else 2)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.add_digest(options["user"], options["password"], token)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("viewer", "media.factory.access", True)
    permissions.add_permission_for_role("viewer", "media.factory.construct", True)
    factory.set_permissions(permissions)
    server.set_auth(auth)
if options["certificate"]:
    auth = server.get_auth() or GstRtspServer.RTSPAuth()
    auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(options["certificate"]))
    server.set_auth(auth)
    if not options["user"]:
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "anyone")
        auth.set_default_token(token)
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("anyone", "media.factory.access", True)
        permissions.add_permission_for_role("anyone", "media.factory.construct", True)
        factory.set_permissions(permissions)

server.get_mount_points().add_factory("/stream", factory)
server.attach(None)
loop = GLib.MainLoop()
# Whoever started us has ended, or wants us to.
threading.Thread(target=lambda: (sys.stdin.read(), loop.quit()), daemon=True).start()
print(json.dumps({"port": server.get_bound_port()}), flush=True)
loop.run()
