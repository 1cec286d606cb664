# shellcheck shell=bash
# A one-layer OCI archive (image-spec 1.1, image layout) with nothing but tar and sha256sum.

# make_image NAME:TAG OUT.tar ROOTFOLDER [ENTRYPOINT ARG…]
make_image() {
  local name=$1 root=$3 type=application/vnd.oci.image out folder layer config manifest digest entrypoint=""
  out=$(readlink -f "$2")
  shift 3
  (($# == 0)) || entrypoint=",\"Entrypoint\":[$(printf '"%s",' "$@" | sed 's/,$//')]"
  folder=$(mktemp -d)
  mkdir -p "$folder/blobs/sha256"

  tar -C "$root" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$folder/blob" .
  layer=$(add_blob "$folder" "$type.layer.v1.tar")
  digest=${layer#*digest\":\"}
  digest=${digest%%\"*}
  printf '{"architecture":"%s","os":"linux","config":{"Env":["PATH=/usr/bin:/bin"]%s},"rootfs":{"type":"layers","diff_ids":["%s"]}}' \
    "$(dpkg --print-architecture)" "$entrypoint" "$digest" >"$folder/blob"
  config=$(add_blob "$folder" "$type.config.v1+json")
  printf '{"schemaVersion":2,"mediaType":"%s","config":%s,"layers":[%s]}' "$type.manifest.v1+json" "$config" "$layer" >"$folder/blob"
  manifest=$(add_blob "$folder" "$type.manifest.v1+json" ",\"annotations\":{\"io.containerd.image.name\":\"$name\"}")
  printf '{"schemaVersion":2,"manifests":[%s]}' "$manifest" >"$folder/index.json"
  echo '{"imageLayoutVersion":"1.0.0"}' >"$folder/oci-layout"
  tar -C "$folder" -cf "$out" oci-layout index.json blobs
  rm -rf "$folder"
}

# Stores FOLDER/blob under its digest and prints its descriptor. add_blob FOLDER MEDIATYPE [MORE-MEMBERS]
add_blob() {
  local digest size
  digest=$(sha256sum <"$1/blob")
  digest=${digest%% *}
  size=$(stat -c %s "$1/blob")
  mv "$1/blob" "$1/blobs/sha256/$digest"
  printf '{"mediaType":"%s","digest":"sha256:%s","size":%s%s}' "$2" "$digest" "$size" "${3:-}"
}
