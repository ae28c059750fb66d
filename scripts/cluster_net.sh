#!/usr/bin/env bash
# A Ray cluster of several machines on one: each in a network namespace with a /tmp of its own, so that they share no
# folder but the installed software. Needs root on Linux.
#   scripts/cluster_net.sh up 2        a head without CPUs, and two nodes of one CPU each
#   scripts/cluster_net.sh on N CMD    run a command on a node; 0 is the head, "driver" a machine outside the cluster
#   scripts/cluster_net.sh down
set -euo pipefail
# Ray asks for a token; all machines have the same one.
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN=${RAY_AUTH_TOKEN:-0123456789abcdef0123456789abcdef}
bin=${VIDREAM_BIN:-$(dirname "$(readlink -f "$0")")/../.venv/bin}
state=/run/vidream-net
on() { local node=$1; shift; nsenter --net="/run/netns/vid$node" --mount="$state/vid$node.mnt" -- "$@"; }
machine() {  # name, last number of the address
    ip netns add "vid$1"
    ip link add "vid$1a" type veth peer name "vid$1b"
    ip link set "vid$1a" master vidbr up
    ip link set "vid$1b" netns "vid$1"
    ip -n "vid$1" addr add "10.77.0.$2/24" dev "vid$1b"
    ip -n "vid$1" link set "vid$1b" up
    ip -n "vid$1" link set lo up
    touch "$state/vid$1.mnt"
    unshare --mount="$state/vid$1.mnt" --propagation private mount -t tmpfs -o "size=${TMP_SIZE:-4G}" tmpfs /tmp
}
case $1 in
up)
    mkdir -p "$state"
    mount --bind "$state" "$state" && mount --make-private "$state"
    ip link add vidbr type bridge && ip link set vidbr up
    machine 0 10
    machine driver 9
    on 0 "$bin/ray" start --head --node-ip-address=10.77.0.10 --num-cpus=0 --include-dashboard=false --disable-usage-stats >/dev/null
    for node in $(seq 1 "$2"); do
        machine "$node" $((10 + node))
        on "$node" "$bin/ray" start --address=10.77.0.10:6379 --node-ip-address="10.77.0.$((10 + node))" --num-cpus=1 --disable-usage-stats >/dev/null
    done
    ;;
on) shift; on "$@" ;;
down)
    for net in /run/netns/vid*; do
        [ -e "$net" ] || continue
        ip netns pids "$(basename "$net")" | xargs -r kill -9 || true
        ip link del "$(basename "$net")a" 2>/dev/null || true
        umount "$state/$(basename "$net").mnt" 2>/dev/null || true
        ip netns del "$(basename "$net")"
    done
    for link in $(ip -o link | grep -o 'vid[0-9a-z]*a@' | tr -d @); do ip link del "$link" || true; done
    ip link del vidbr 2>/dev/null || true
    umount "$state" 2>/dev/null || true
    rm -rf "$state"
    ;;
esac
