{{- /* Labels of an object; expects {root, part}. */ -}}
{{- define "strongroom.labels" -}}
{{ include "strongroom.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: strongroom
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name (.root.Chart.Version | replace "+" "_") }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* What Services and policies select a part's pods by; never changes. */ -}}
{{- define "strongroom.selector" -}}
app.kubernetes.io/name: {{ .part }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}

{{- /* Labels of a part's pods: no version, so that a newer chart alone restarts nothing. */ -}}
{{- define "strongroom.podLabels" -}}
{{ include "strongroom.selector" . }}
app.kubernetes.io/part-of: strongroom
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Name of a part's objects; expects {root, part}. */ -}}
{{- define "strongroom.name" -}}
{{ printf "%s-%s" .root.Values.fullnameOverride .part | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* Name of an object outside namespaces: two installations must not meet. */ -}}
{{- define "strongroom.clusterName" -}}
{{ printf "%s-%s-%s" .root.Values.fullnameOverride .part .root.Release.Namespace }}
{{- end }}

{{- /* Reference of an image; expects {root, image}. */ -}}
{{- define "strongroom.image" -}}
{{- $name := .image.repository -}}
{{- with .root.Values.image.registry }}{{ $name = printf "%s/%s" (trimSuffix "/" .) $name }}{{ end -}}
{{- if .image.digest -}}
{{ printf "%s@%s" $name .image.digest }}
{{- else -}}
{{ printf "%s:%s" $name (.image.tag | default .root.Values.image.tag | default .root.Chart.AppVersion | replace "+" "-") }}
{{- end -}}
{{- end }}

{{- /* When the kubelet pulls; what was loaded into the nodes under no registry's name is never asked for. Expects the root. */ -}}
{{- define "strongroom.pullPolicy" -}}
{{ .Values.image.pullPolicy | default (ternary "Never" "IfNotPresent" (regexMatch "^localhost(/|$)" .Values.image.registry)) }}
{{- end }}

{{- /* What Pod Security's "restricted" asks of a pod, and a user that exists nowhere. */ -}}
{{- define "strongroom.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- /* The same of a container. */ -}}
{{- define "strongroom.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- /* The TEE's class, simulation included. */ -}}
{{- define "strongroom.teeClass" -}}
{{ if .Values.simulation.enabled }}sim{{ else }}{{ .Values.tee.class }}{{ end }}
{{- end }}

{{- /* "true" where the pods ask the node's AESM daemon for quotes. */ -}}
{{- define "strongroom.asksAesmd" -}}
{{- if and (eq (include "strongroom.teeClass" .) "sgx") (eq .Values.tee.quoteProvider "aesmd") }}true{{ end -}}
{{- end }}

{{- define "strongroom.runtimeClassName" -}}
{{ get .Values.tee.runtimeClassNames (include "strongroom.teeClass" .) | default "" }}
{{- end }}

{{- /* Extended resources of an SGX container: requests are what limits say. Intel's plugin counts bytes, the others MiB. */ -}}
{{- define "strongroom.sgxResources" -}}
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

{{- /* Resources of the coordinator: the user's, and the TEE's beside them. */ -}}
{{- define "strongroom.coordinatorResources" -}}
{{- $resources := deepCopy .Values.coordinator.resources -}}
{{- if eq (include "strongroom.teeClass" .) "sgx" -}}
{{- $sgx := fromYaml (include "strongroom.sgxResources" .) -}}
{{- $_ := set $resources "limits" (merge (deepCopy ($resources.limits | default dict)) $sgx) -}}
{{- end -}}
{{ toYaml $resources }}
{{- end }}

{{- define "strongroom.coordinatorTolerations" -}}
{{- $tolerations := .Values.coordinator.tolerations -}}
{{- if eq (include "strongroom.teeClass" .) "sgx" -}}
{{- $tolerations = append $tolerations (dict "key" .Values.tee.resourceKey "operator" "Exists" "effect" "NoSchedule") -}}
{{- end -}}
{{- if $tolerations }}{{ toYaml $tolerations }}{{ end -}}
{{- end }}

{{- /* Names in the coordinator's certificates. */ -}}
{{- define "strongroom.dnsNames" -}}
{{- $names := list "localhost" -}}
{{- range $service := list "coordinator-mesh-api" "coordinator-client-api" -}}
{{- $full := printf "%s.%s" $service $.Release.Namespace -}}
{{- $names = concat $names (list $service $full (printf "%s.svc" $full) (printf "%s.svc.%s" $full $.Values.webhook.clusterDomain)) -}}
{{- end -}}
{{- $names = concat $names .Values.coordinator.hostnames -}}
{{- with .Values.exposure -}}
{{- if .gateway.enabled }}{{ $names = concat $names .gateway.clientHostnames .gateway.meshHostnames }}{{ end -}}
{{- if .ingress.enabled }}{{ $names = concat $names (compact (list .ingress.clientHostname .ingress.meshHostname)) }}{{ end -}}
{{- end -}}
{{ $names | uniq | join "," }}
{{- end }}

{{- define "strongroom.collateralUrl" -}}
{{- if .Values.simulation.enabled -}}
http://{{ include "strongroom.name" (dict "root" . "part" "pccs") }}:8081
{{- else -}}
{{ .Values.dcap.pccsUrl }}
{{- end -}}
{{- end }}

{{- /* Port of the collateral service, which a policy must let through. */ -}}
{{- define "strongroom.collateralPort" -}}
{{- $parts := splitList ":" ((urlParse (include "strongroom.collateralUrl" . | default "https://default")).host) -}}
{{- if gt (len $parts) 1 }}{{ last $parts }}{{ else if hasPrefix "http:" (include "strongroom.collateralUrl" .) }}80{{ else }}443{{ end -}}
{{- end }}

{{- /* Quote provider library's configuration; empty when nothing asks for one. */ -}}
{{- define "strongroom.qcnlConfig" -}}
{{- if .Values.dcap.qcnlConfig -}}
{{ .Values.dcap.qcnlConfig }}
{{- else if .Values.dcap.pccsUrl -}}
{{ dict "pccs_url" .Values.dcap.pccsUrl "use_secure_cert" .Values.dcap.useSecureCert | toPrettyJson }}
{{- end -}}
{{- end }}

{{- define "strongroom.webhookTlsMode" -}}
{{- $mode := .Values.webhook.tls.mode -}}
{{- if eq $mode "auto" -}}
{{- if .Capabilities.APIVersions.Has "cert-manager.io/v1" }}cert-manager{{ else }}self{{ end -}}
{{- else -}}
{{ $mode }}
{{- end -}}
{{- end }}

{{- /* "true" where objects of the Prometheus operator are wanted. */ -}}
{{- define "strongroom.prometheusOperator" -}}
{{- $mode := .Values.monitoring.serviceMonitor.mode -}}
{{- if or (eq $mode "enabled") (and (eq $mode "auto") (.Capabilities.APIVersions.Has "monitoring.coreos.com/v1")) }}true{{ end -}}
{{- end }}

{{- define "strongroom.monitoringPeer" -}}
- namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ .Values.networkPolicy.monitoringNamespace }}
{{- end }}

{{- define "strongroom.dnsEgress" -}}
- ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
  to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: {{ .Values.networkPolicy.dnsNamespace }}
    {{- range .Values.networkPolicy.dnsCidrs }}
    - ipBlock: {cidr: {{ . | quote }}}
    {{- end }}
{{- end }}

{{- /* A list of address ranges as NetworkPolicy peers. */ -}}
{{- define "strongroom.cidrPeers" -}}
{{- range . }}
- ipBlock: {cidr: {{ . | quote }}}
{{- end }}
{{- end }}

{{- /* Which namespaces' pods are looked at: the user's selector, never our own or the system's. */ -}}
{{- define "strongroom.namespaceSelector" -}}
{{- $own := dict "key" "kubernetes.io/metadata.name" "operator" "NotIn" "values" (list "kube-system" .Release.Namespace) -}}
{{- $selector := deepCopy .Values.webhook.namespaceSelector -}}
{{- $_ := set $selector "matchExpressions" (append ($selector.matchExpressions | default list) $own) -}}
{{ toYaml $selector }}
{{- end }}

{{- /* A static pod's mirror is the node's word of what it runs already: nothing can be put into it, and refused it would run
unseen. No kubelet runs a pod because of a mirror, and the API server lets nobody make one of a pod that is there. */ -}}
{{- define "strongroom.notOfTheNode" -}}
- name: not-of-the-node
  expression: "!has(object.metadata.annotations) || !('kubernetes.io/config.mirror' in object.metadata.annotations)"
{{- end }}

{{- /* What both registrations say alike; expects {root, path}. */ -}}
{{- define "strongroom.webhookClient" -}}
admissionReviewVersions: [v1]
sideEffects: None
failurePolicy: {{ .root.Values.webhook.failurePolicy }}
timeoutSeconds: {{ .root.Values.webhook.timeoutSeconds }}
matchPolicy: Equivalent
namespaceSelector:
  {{- include "strongroom.namespaceSelector" .root | nindent 2 }}
clientConfig:
  service:
    name: {{ include "strongroom.name" (dict "root" .root "part" "webhook") }}
    namespace: {{ .root.Release.Namespace }}
    path: {{ .path }}
    port: 443
  {{- if eq (include "strongroom.webhookTlsMode" .root) "existingSecret" }}
  caBundle: {{ .root.Values.webhook.tls.caBundle | b64enc }}
  {{- end }}
{{- end }}

{{- /* The webhook's configuration (docs/formats/webhook-config.md), with the user's members laid over it. */ -}}
{{- define "strongroom.webhookConfig" -}}
{{- $runtime := .Values.tee.runtimeClassNames -}}
{{- $config := dict
      "format" "strongroom-webhook/1"
      "coordinator_address" (printf "coordinator-mesh-api.%s.svc.%s:%d" .Release.Namespace .Values.webhook.clusterDomain (int .Values.coordinator.meshService.port))
      "cluster_domain" .Values.webhook.clusterDomain
      "resource_key" .Values.tee.resourceKey
      "quote_provider" .Values.tee.quoteProvider
      "default_tee" (include "strongroom.teeClass" .)
      "tees" (dict "sgx" (dict "runtime_class" $runtime.sgx) "tdx" (dict "runtime_class" $runtime.tdx) "snp" (dict "runtime_class" $runtime.snp))
      "agent" (dict "image" (include "strongroom.image" (dict "root" . "image" .Values.webhook.agent.image)) "image_pull_policy" (include "strongroom.pullPolicy" .)) -}}
{{- if .Values.simulation.enabled -}}
{{- $_ := set $config "simulation" (dict
      "image" (include "strongroom.image" (dict "root" . "image" .Values.simulation.image))
      "image_pull_policy" (include "strongroom.pullPolicy" .)) -}}
{{- end -}}
{{ mergeOverwrite $config (deepCopy .Values.webhook.config) | toPrettyJson }}
{{- end }}
