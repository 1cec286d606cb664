"""NetworkPolicies as nftables rules, since the lab has no engine that enforces them.

Covers what networking.k8s.io/v1 says of TCP and UDP between pods: isolation, peers by pod, namespace and address, ports by
number, name and range. Rules hold for the pods that are there when they are made. Traffic to and from the node itself
(kubelet, API server, DNS) passes, as with most engines.
"""

TABLE = "strongroom-policies"


class Pods:
    """Pods and namespaces of the cluster, and what selectors select."""

    def __init__(self, lab):
        self.items = [pod for pod in lab.get("pods", "-A")["items"]
                      if pod["status"].get("podIP") and pod["status"]["phase"] in ("Pending", "Running")]
        self.namespaces = {item["metadata"]["name"]: item["metadata"]["labels"] for item in lab.get("namespaces")["items"]}

    def of(self, namespace, selector):
        return [pod for pod in self.items if pod["metadata"]["namespace"] == namespace and selects(selector, labels(pod))]

    def peers(self, peer, namespace):
        """Pods that a peer of a policy in `namespace` names."""
        spaces = [namespace] if "namespaceSelector" not in peer else [
            name for name, its in self.namespaces.items() if selects(peer["namespaceSelector"], its)]
        return [pod for space in spaces for pod in self.of(space, peer.get("podSelector", {}))]


def labels(pod):
    return pod["metadata"].get("labels", {})


def address(pod):
    return pod["status"]["podIP"]


def selects(selector, its):
    if any(its.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    return all(holds(expression, its) for expression in selector.get("matchExpressions", ()))


def holds(expression, its):
    value, values = its.get(expression["key"]), expression.get("values", ())
    return {"In": value in values, "NotIn": value not in values, "Exists": value is not None,
            "DoesNotExist": value is None}[expression["operator"]]


def port_match(port, pod):
    """The nftables match of one port of a policy at pod `pod`; None when it has no port of that name."""
    protocol, number = port.get("protocol", "TCP"), port.get("port")
    if isinstance(number, str):
        number = next((p["containerPort"] for c in pod["spec"]["containers"] for p in c.get("ports", ())
                       if p.get("name") == number and p.get("protocol", "TCP") == protocol), None) if pod else None
        if number is None:
            return None
    if number is None:
        return f"meta l4proto {protocol.lower()}"
    return f"{protocol.lower()} dport {number}" + (f"-{port['endPort']}" if "endPort" in port else "")


def block(peer, side):
    """The match of an ipBlock; None for IPv6, which the lab has not."""
    cidr = peer["ipBlock"]["cidr"]
    if ":" in cidr:
        return None
    spared = [other for other in peer["ipBlock"].get("except", ()) if ":" not in other]
    return f"ip {side} {cidr}" + (f" ip {side} != {{ {', '.join(spared)} }}" if spared else "")


def grants(rule, direction, pod, namespace, pods):
    """Matches of what one rule of a policy lets through to or from `pod`."""
    side, peers = ("saddr", rule.get("from")) if direction == "ingress" else ("daddr", rule.get("to"))
    ports = rule.get("ports") or [None]
    ends = [("", None)] if not peers else [
        end for peer in peers for end in
        ([(block(peer, side), None)] if "ipBlock" in peer else
         [(f"ip {side} {address(other)}", other) for other in pods.peers(peer, namespace)])]
    for match, other in ends:
        for port in ports:
            where = "" if port is None else port_match(port, pod if direction == "ingress" else other)
            if match is not None and where is not None:
                yield f"{match} {where}".strip()


def isolation(policies, direction, pods):
    """Address of every pod that some policy isolates in a direction, to the matches of what is granted to it."""
    isolated = {}
    for policy in policies:
        if direction.capitalize() not in policy["spec"]["policyTypes"]:
            continue
        namespace = policy["metadata"]["namespace"]
        for pod in pods.of(namespace, policy["spec"].get("podSelector", {})):
            into = isolated.setdefault(address(pod), set())
            for rule in policy["spec"].get(direction, ()):
                into.update(grants(rule, direction, pod, namespace, pods))
    return isolated


def ruleset(lab):
    """The table for the policies and pods of this moment, in place of the one before."""
    policies, pods = lab.get("networkpolicies", "-A")["items"], Pods(lab)
    chains, jumps = [], ["ct state established,related accept"]
    for direction, side in (("egress", "saddr"), ("ingress", "daddr")):
        for number, (ip, matches) in enumerate(sorted(isolation(policies, direction, pods).items())):
            name = f"{direction}-{number}"
            lines = [f"{match} return".strip() for match in sorted(matches)] + ["reject with icmp type admin-prohibited"]
            chains.append(f"  chain {name} {{\n    " + "\n    ".join(lines) + "\n  }")
            jumps.append(f"ip {side} {ip} jump {name}")
    forward = "type filter hook forward priority 10; policy accept;\n    " + "\n    ".join(jumps)
    return (f"table ip {TABLE}\ndelete table ip {TABLE}\ntable ip {TABLE} {{\n" + "\n".join(chains) +
            f"\n  chain forward {{\n    {forward}\n  }}\n}}\n")


def enforce(lab):
    lab.on_node("nft", "-f", "-", stdin=ruleset(lab))


def lift(lab):
    lab.on_node("nft", "-f", "-", stdin=f"table ip {TABLE}\ndelete table ip {TABLE}\n")
