# Keeps one node: the first process of a process namespace, with mounts of its own. When it ends, all of the
# node ends, and with it mounts, network namespace and cable.
name=$1 root=$2 layers=$3 disk=$4 repository=$5 at=$6 groups=$7
bridge=$8 link=$9 address=${10} mac=${11} gateway=${12}

mount -t overlay overlay -o "lowerdir=$layers,upperdir=$disk/upper,workdir=$disk/work" "$root"
# what ip, mount and systemd-nspawn keep there is this node's only
mount -t tmpfs -o mode=755 tmpfs /run
ip netns add node
ip link delete "$link" 2>/dev/null || : # of a start that was cut off a moment ago
ip link add "$link" type veth peer name eth0 address "$mac" netns node
ip link set "$link" master "$bridge" up
ip -n node link set lo up
ip -n node address add "$address" dev eth0
ip -n node link set eth0 up
ip -n node route add default via "$gateway"

# groups without processes are swept by others at any time
enter='
for group in $1; do
    tries=0
    until mkdir -p "$group" && echo 0 > "$group/cgroup.procs"; do
        tries=$((tries + 1))
        [ "$tries" -lt 5 ] || exit 1
    done
done
shift
exec "$@"'
# the node may limit the memory and the tasks of its services; nspawn leaves these hierarchies read-only
boot='
for group in memory pids cpu cpuacct cpu,cpuacct; do
    [ ! -d "/sys/fs/cgroup/$group" ] || mount -o remount,bind,rw "/sys/fs/cgroup/$group"
done
exec /lib/systemd/systemd'
export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network
while :; do
    code=0
    sh -euc "$enter" sh "$groups" systemd-nspawn --quiet --directory="$root" --register=no --keep-unit \
        --machine="$name" --hostname="$name" --network-namespace-path=/run/netns/node --capability=CAP_NET_ADMIN,CAP_NET_RAW \
        --resolv-conf=off --timezone=off --link-journal=no --kill-signal=SIGRTMIN+3 --console=pipe \
        --bind-ro="$repository:$at" sh -c "$boot" || code=$?
    # 133: it wants to be started again
    [ "$code" = 133 ] || exit "$code"
done
