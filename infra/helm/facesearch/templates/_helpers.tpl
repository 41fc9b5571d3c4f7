{{- define "facesearch.name" -}}
{{- printf "%s" .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "facesearch.labels" -}}
app.kubernetes.io/name: facesearch
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "facesearch.selector" -}}
app.kubernetes.io/name: facesearch
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "facesearch.tag" -}}
{{- .Values.image.tag | default .Chart.AppVersion -}}
{{- end }}

{{- define "facesearch.secret" -}}
{{- if .Values.secrets.create -}}
{{- include "facesearch.name" . -}}-secrets
{{- else -}}
{{- required "Name a Secret in secrets.existing, or set secrets.create and give the values" .Values.secrets.existing -}}
{{- end -}}
{{- end }}

{{- define "facesearch.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .Values.podSecurity.runAsUser }}
runAsGroup: {{ .Values.podSecurity.runAsGroup }}
fsGroup: {{ .Values.podSecurity.fsGroup }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "facesearch.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- define "facesearch.serverEnv" -}}
{{- if not .Values.storage.blobEndpoint }}
- name: Storage__ConnectionString
  valueFrom: { secretKeyRef: { name: {{ include "facesearch.secret" . }}, key: Storage__ConnectionString } }
{{- end }}
- name: FACESEARCH_ADMIN_KEY
  valueFrom: { secretKeyRef: { name: {{ include "facesearch.secret" . }}, key: FACESEARCH_ADMIN_KEY } }
{{- if eq .Values.messaging.transport "RabbitMq" }}
- name: Messaging__Password
  valueFrom: { secretKeyRef: { name: {{ include "facesearch.secret" . }}, key: Messaging__Password } }
{{- end }}
{{- end }}

{{- define "facesearch.mounts" -}}
- { name: data, mountPath: /data }
- { name: tmp, mountPath: /tmp }
- { name: master-key, mountPath: /run/secrets/master, readOnly: true }
{{- if .Values.clusterTls.secretName }}
- { name: cluster-tls, mountPath: /run/secrets/tls, readOnly: true }
{{- end }}
{{- if .Values.models.existingClaim }}
- { name: models, mountPath: /models }
{{- end }}
{{- end }}

{{- define "facesearch.volumes" -}}
- name: tmp
  emptyDir: { sizeLimit: 1Gi }
- name: master-key
  secret:
    secretName: {{ include "facesearch.secret" . }}
    optional: true
    defaultMode: 0440
    items: [{ key: master.key, path: master.key }]
{{- if .Values.clusterTls.secretName }}
- name: cluster-tls
  secret: { secretName: {{ .Values.clusterTls.secretName }}, defaultMode: 0440 }
{{- end }}
{{- if .Values.models.existingClaim }}
- name: models
  persistentVolumeClaim: { claimName: {{ .Values.models.existingClaim }} }
{{- end }}
{{- end }}

{{- define "facesearch.probes" -}}
startupProbe:
  httpGet: { path: /health/live, port: http }
  periodSeconds: 5
  failureThreshold: {{ div .startupSeconds 5 }}
livenessProbe:
  httpGet: { path: /health/live, port: http }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /health/ready, port: http }
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 3
{{- end }}
