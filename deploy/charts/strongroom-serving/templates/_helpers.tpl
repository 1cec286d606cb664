{{- define "serving.fullname" -}}
{{ .Values.fullnameOverride | default .Release.Name | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "serving.labels" -}}
{{ include "serving.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: strongroom
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* What Services and policies select pods by; never changes. */ -}}
{{- define "serving.selector" -}}
app.kubernetes.io/name: modelserver
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* Labels of pods: no version, so that a newer chart alone restarts nothing. */ -}}
{{- define "serving.podLabels" -}}
{{ include "serving.selector" . }}
app.kubernetes.io/part-of: strongroom
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Reference of an image; expects {root, image}. */ -}}
{{- define "serving.image" -}}
{{- $name := .image.repository -}}
{{- with .root.Values.image.registry }}{{ $name = printf "%s/%s" (trimSuffix "/" .) $name }}{{ end -}}
{{- if .image.digest -}}
{{ printf "%s@%s" $name .image.digest }}
{{- else -}}
{{ printf "%s:%s" $name (.image.tag | default .root.Values.image.tag | default .root.Chart.AppVersion | replace "+" "-") }}
{{- end -}}
{{- end }}

{{- /* When the kubelet pulls; what was loaded into the nodes under no registry's name is never asked for. Expects the root. */ -}}
{{- define "serving.pullPolicy" -}}
{{ .Values.image.pullPolicy | default (ternary "Never" "IfNotPresent" (regexMatch "^localhost(/|$)" .Values.image.registry)) }}
{{- end }}

{{- /* What Pod Security's "restricted" asks of a pod, and a user that exists nowhere. */ -}}
{{- define "serving.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "serving.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- /* "true" where this chart starts the workload under the software TEE; the webhook does it for injected pods. */ -}}
{{- define "serving.simulatedHere" -}}
{{- if and (eq .Values.tee.class "sim") (eq .Values.agent.mode "explicit") }}true{{ end -}}
{{- end }}

{{- /* "true" where the pods ask the node's AESM daemon for quotes. */ -}}
{{- define "serving.asksAesmd" -}}
{{- if and (eq .Values.tee.class "sgx") (eq .Values.tee.quoteProvider "aesmd") }}true{{ end -}}
{{- end }}

{{- /* Extended resources of an SGX container. Intel's plugin counts bytes, the others MiB. */ -}}
{{- define "serving.sgxResources" -}}
{{- $key := .Values.tee.resourceKey -}}
{{- if eq $key "sgx.intel.com/epc" -}}
sgx.intel.com/epc: {{ printf "%dMi" (int .Values.tee.epcMiB) | quote }}
sgx.intel.com/enclave: "1"
{{- if eq .Values.tee.quoteProvider "in-process" }}
sgx.intel.com/provision: "1"
{{- end -}}
{{- else -}}
{{ $key }}: {{ int .Values.tee.epcMiB | quote }}
{{- end -}}
{{- end }}

{{- define "serving.resources" -}}
{{- $resources := deepCopy .Values.modelserver.resources -}}
{{- if and (eq .Values.tee.class "sgx") (eq .Values.agent.mode "explicit") -}}
{{- $sgx := fromYaml (include "serving.sgxResources" .) -}}
{{- $_ := set $resources "limits" (merge (deepCopy ($resources.limits | default dict)) $sgx) -}}
{{- end -}}
{{ toYaml $resources }}
{{- end }}

{{- define "serving.tolerations" -}}
{{- $tolerations := .Values.modelserver.tolerations -}}
{{- if and (eq .Values.tee.class "sgx") (eq .Values.agent.mode "explicit") -}}
{{- $tolerations = append $tolerations (dict "key" .Values.tee.resourceKey "operator" "Exists" "effect" "NoSchedule") -}}
{{- end -}}
{{- if $tolerations }}{{ toYaml $tolerations }}{{ end -}}
{{- end }}

{{- /* What starts the workload: the image's own entry point in an enclave, the agent elsewhere. Expects the root. */ -}}
{{- define "serving.command" -}}
{{- if .Values.modelserver.command -}}
command:
  {{- toYaml .Values.modelserver.command | nindent 2 }}
{{- include "serving.args" . }}
{{- else if include "serving.simulatedHere" . -}}
command: [/strongroom-sim/strongroom-simtee]
args: [run, --root=container, --well-known-world, --launch, /etc/strongroom/launch/modelserver.json]
{{- else if and (has .Values.tee.class (list "tdx" "snp")) (eq .Values.agent.mode "explicit") -}}
command: [/usr/bin/strongroom-agent]
args: [run, --config, /etc/strongroom/agent.json]
{{- else -}}
{{- include "serving.args" . }}
{{- end -}}
{{- end }}

{{- /* What the values add. Where the agent or the simulator is started, its own arguments stand, and the model server's are
measured: those of the values go beside no other command than the values'. */ -}}
{{- define "serving.args" }}
{{- with .Values.modelserver.args }}
args:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* Name of the PersistentVolume that stands for an NFS export or a folder of the nodes. It stays as it is: a bound claim's
volume has one name for life. */ -}}
{{- define "serving.volumeName" -}}
{{ .Release.Namespace }}-{{ include "serving.fullname" . }}-models
{{- end }}

{{- /* The same for the folder of the node's AESM daemon. A hash, because `a-b` and `c` joined are what `a` and `b-c` are. */ -}}
{{- define "serving.aesmdVolumeName" -}}
{{- $name := include "serving.fullname" . -}}
{{ .Release.Namespace }}-{{ $name }}-aesmd-{{ printf "%s/%s" .Release.Namespace $name | sha256sum | trunc 8 }}
{{- end }}

{{- define "serving.needsVolume" -}}
{{- if has .Values.model.source (list "nfs" "hostPath") }}true{{ end -}}
{{- end }}

{{- /* "true" where `helm test` has something to ask, and something to ask it with. */ -}}
{{- define "serving.tested" -}}
{{- if and .Values.test.clientSecret .Values.test.model .Values.test.input }}true{{ end -}}
{{- end }}

{{- define "serving.testSelector" -}}
app.kubernetes.io/name: modelserver-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "serving.dnsEgress" -}}
- ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
  to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: {{ .Values.networkPolicy.dnsNamespace }}
    {{- range .Values.networkPolicy.dnsCidrs }}
    - ipBlock: {cidr: {{ . | quote }}}
    {{- end }}
{{- end }}

{{- define "serving.prometheusOperator" -}}
{{- $mode := .Values.monitoring.podMonitor.mode -}}
{{- if or (eq $mode "enabled") (and (eq $mode "auto") (.Capabilities.APIVersions.Has "monitoring.coreos.com/v1")) }}true{{ end -}}
{{- end }}
