/** A manifest with the parts of Contour's own that placing it looks at, in our words. */
export const CONTOUR_MANIFEST = `# published by Contour
---
apiVersion: v1
kind: Namespace
metadata:
  name: projectcontour
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: contour
  namespace: projectcontour
data:
  contour.yaml: |
    # a comment that stays
    tls:
    #   minimum-protocol-version: "1.2"
      envoy-client-certificate:
    #   name: another
    accesslog-format: envoy
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: contour
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: contour }
subjects:
  - { kind: ServiceAccount, name: contour, namespace: projectcontour }
---
apiVersion: v1
kind: Service
metadata:
  name: envoy
  namespace: projectcontour
spec:
  selector: { app: envoy }
  ports:
    - { name: http, port: 80, targetPort: 8080 }
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: contour
  namespace: projectcontour
spec:
  template:
    spec:
      volumes:
        - name: config
          configMap: { name: contour, defaultMode: 0644 }
`;
