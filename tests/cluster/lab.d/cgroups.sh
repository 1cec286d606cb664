# shellcheck shell=bash
# One child cgroup in each hierarchy of the machine, below the caller's own, confines everything the lab starts.
# Written for version 1, version 2 beside it (both tested), and version 2 alone (not tested).

# "CONTROLLERS FOLDER" of this process in each hierarchy; "-" stands for version 2.
cgroup_hierarchies() {
  local controllers path top
  while IFS=: read -r _ controllers path; do
    case $controllers in
      name=*) top=/${controllers#name=} ;;
      ?*) top=/$controllers ;;
      *)
        top=/unified
        [[ -d /sys/fs/cgroup$top ]] || top='' ;;
    esac
    top=/sys/fs/cgroup$top${path%/}
    [[ ! -d $top ]] || echo "${controllers:--} $top"
  done </proc/self/cgroup
}

# Makes the lab's cgroups, notes them in $run/cgroups, and moves this process into them.
enter_cgroups() {
  local all controllers parent child
  all=$(cgroup_hierarchies)
  while read -r controllers parent; do
    child=$parent/strongroom-lab-$lab_name
    if [[ $parent == /sys/fs/cgroup ]]; then echo "+cpu +cpuset +memory +pids +io" >"$parent/cgroup.subtree_control"; fi
    echo "$controllers $child" >>"$run/cgroups"
    mkdir -p "$child"
    if [[ ,$controllers, == *,cpuset,* ]]; then
      echo 1 >"$child/cgroup.clone_children"
      cat "$parent/cpuset.cpus" >"$child/cpuset.cpus"
      cat "$parent/cpuset.mems" >"$child/cpuset.mems"
    fi
    echo $$ >"$child/cgroup.procs"
  done <<<"$all"
}

# Inside the cgroup namespace: the hierarchies as the node sees them, each with the lab's cgroup at its top.
mount_cgroups() {
  local controllers folder
  if [[ $(cut -d' ' -f1 "$run/cgroups") == - ]]; then
    mount_cgroup2_alone
    return
  fi
  mount -t tmpfs tmpfs /sys/fs/cgroup
  while read -r controllers _; do
    folder=/sys/fs/cgroup/${controllers#name=}
    [[ $controllers != - ]] || folder=/sys/fs/cgroup/unified
    mkdir "$folder"
    case $controllers in
      -) mount -t cgroup2 cgroup2 "$folder" ;;
      name=*) mount -t cgroup -o "none,$controllers" cgroup "$folder" ;;
      *) mount -t cgroup -o "$controllers" cgroup "$folder" ;;
    esac
  done <"$run/cgroups"
}

# Version 2 gives controllers to children only while no process is at the top itself.
mount_cgroup2_alone() {
  local word top=/sys/fs/cgroup
  mount -t cgroup2 cgroup2 "$top"
  mkdir "$top/init"
  for word in $(<"$top/cgroup.procs"); do echo "$word" >"$top/init/cgroup.procs" || true; done
  for word in $(<"$top/cgroup.controllers"); do echo "+$word" >"$top/cgroup.subtree_control" || true; done
}

# Ends what is left in the lab's cgroups and removes them; fails while something is left.
cgroups_cleared() {
  local folder pid
  while read -r _ folder; do
    [[ -d $folder ]] || continue
    while read -r pid; do kill -9 "$pid" 2>/dev/null || true; done < <(find "$folder" -name cgroup.procs -exec cat {} + 2>/dev/null)
    find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null
    [[ ! -d $folder ]] || return 1
  done <"$run/cgroups"
}
