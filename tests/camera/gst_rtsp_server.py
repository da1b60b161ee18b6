"""A real RTSP camera for tests: GStreamer's own server on the loopback device, H.264 where there is an encoder, with a login.

    /usr/bin/python3 gst_rtsp_server.py PORT [USER PASSWORD]

Runs under the system's Python, for which Debian packages the bindings (python3-gi, gir1.2-gst-rtsp-server-1.0); the parent stops, freezes
and starts it. Says `ready` once it listens.
"""

import sys

import gi

for name in ("Gst", "GstRtsp", "GstRtspServer"):
    gi.require_version(name, "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402 - the versions have to be named first

FILM = "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=25/1"
H264 = ("openh264enc gop-size=25", "x264enc tune=zerolatency key-int-max=25")


def main(port: str, *login: str) -> None:
    """Serve until killed."""
    Gst.init(None)
    server = GstRtspServer.RTSPServer.new()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory.new()
    factory.set_launch(f"( {FILM} ! {encoded()} )")
    factory.set_shared(True)
    if login:
        admit(server, factory, *login)
    server.get_mount_points().add_factory("/cam", factory)
    if not server.attach(None):
        sys.exit(f"port {port} cannot be used")
    print("ready", flush=True)
    GLib.MainLoop().run()


def encoded() -> str:
    encoder = next((line for line in H264 if Gst.ElementFactory.find(line.split()[0])), None)
    return f"videoconvert ! {encoder} ! rtph264pay name=pay0 pt=96" if encoder else "jpegenc ! rtpjpegpay name=pay0 pt=26"


def admit(server: "GstRtspServer.RTSPServer", factory: "GstRtspServer.RTSPMediaFactory", user: str, password: str) -> None:
    """Only with this login, asked for as cameras do (digest)."""
    auth, token = GstRtspServer.RTSPAuth.new(), GstRtspServer.RTSPToken.new()
    token.set_string("media.factory.role", "crew")
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    auth.add_digest(user, password, token)
    server.set_auth(auth)
    role = Gst.Structure.new_from_string("crew,media.factory.access=(boolean)true,media.factory.construct=(boolean)true")
    factory.add_role_from_structure(role)


if __name__ == "__main__":
    main(*sys.argv[1:])
