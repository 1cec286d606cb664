# shellcheck shell=bash
# At the owner's: two models, a key each, and ciphertext that may go anywhere.

title "The owner trains a model and encrypts it at home"
seed=$((RANDOM + 1))  # a model that exists nowhere else, so that the search for leaks cannot find another's
as owner "$python" "$repository/examples/digits/train.py" digits --seed "$seed"
mkdir -p "$out/owner/plain/digits/1" "$out/client/heldout" "$out/host/models"
mv "$out"/owner/digits/model.{xml,bin} "$out/owner/plain/digits/1/"
mv "$out"/owner/digits/{images,labels,probabilities}.npy "$out/client/heldout/"
rm -r "$out/owner/digits"

shelf=vision/classifiers/approved
note "a second model of ResNet-50's shape with random weights, five folders deep in a tree that is encrypted as a whole"
as owner "$python" "$repository/examples/resnet50/make.py" "plain/zoo/$shelf/large/1" --images large --seed "$seed"
mv "$out"/owner/large/{image,scores}.npy "$out/client/"
rm -r "$out/owner/large"
large_bytes=$(stat -c %s "$out/owner/plain/zoo/$shelf/large/1/model.bin")
if ((large_bytes >= 100000000)); then
  ok "the large model has $((large_bytes / 1000000)) MB of weights"
else
  bad "the large model has $large_bytes bytes of weights, wanted 100 MB"
fi
as owner strongroom keygen --out large.key
as owner strongroom encrypt --key large.key --as zoo plain/zoo ../host/models
as owner strongroom keygen --out digits.key
as owner strongroom encrypt --key digits.key --as digits plain/digits "../host/models/$shelf/digits"
as owner strongroom inspect "../host/models/$shelf/large/1/model.bin"
ok "ciphertext is in host/, the keys stay in owner/"

title "The owner and a client make themselves known by certificates"
as owner strongroom user create owner
as client strongroom user create alice
as client strongroom user create mallory
cp "$out/client/alice.crt" "$out/client/mallory.crt" "$out/owner/"
