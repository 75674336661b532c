# An application that is asked to misbehave: python3 server.py HOW
import os, signal, socket, sys, threading, time

how = sys.argv[1]
if how == "stays":
    # ignores the request to stop, and so does a child that leaves the session
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork() == 0:
        os.setsid()
        time.sleep(100000)
if how == "ends":
    print("no such table: wiki", flush=True)
    sys.exit(7)

def eat():
    time.sleep(1)
    eaten = []
    while True:
        eaten.append(bytearray(8 << 20))
        time.sleep(0.01)

listener = socket.socket(socket.AF_UNIX)
if how == "gunicorn":
    # as gunicorn does: everybody, and the own group
    os.umask(0)
listener.bind(os.environ["SILVER_SOCKET"])
if how == "gunicorn":
    os.chown(os.environ["SILVER_SOCKET"], os.geteuid(), os.getegid())
listener.listen(16)
print("serving, key", os.environ["KEY"], flush=True)
if how == "eats":
    threading.Thread(target=eat, daemon=True).start()
while True:
    connection, _ = listener.accept()
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
    connection.close()
