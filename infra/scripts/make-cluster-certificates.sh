#!/bin/sh
# Makes what Cluster:Tls needs: a private authority (once) and one certificate a name. Keep authority.key offline.
#   make-cluster-certificates.sh certs/ silo-1 silo-2 trainer
set -eu
[ $# -ge 2 ] || { echo "usage: $0 FOLDER NAME..." >&2; exit 2; }
folder=$1
shift
umask 077
mkdir -p "$folder"
cd "$folder"
if [ ! -f authority.pem ]; then
  openssl ecparam -name prime256v1 -genkey -noout -out authority.key
  openssl req -x509 -new -key authority.key -sha256 -days 3650 -subj "/CN=FaceSearch cluster authority" -out authority.pem
fi
for name in "$@"; do
  openssl ecparam -name prime256v1 -genkey -noout -out "$name.key"
  openssl req -new -key "$name.key" -subj "/CN=$name" -out "$name.csr"
  printf 'basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\n' > "$name.ext"
  openssl x509 -req -in "$name.csr" -CA authority.pem -CAkey authority.key -CAcreateserial -sha256 -days 825 -extfile "$name.ext" -out "$name.pem" 2>/dev/null
  rm "$name.csr" "$name.ext"
  echo "$folder/$name.pem $folder/$name.key"
done
