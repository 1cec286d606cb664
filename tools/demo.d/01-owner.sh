# shellcheck shell=bash
# At the owner's: two models, a key each, and ciphertext that may go anywhere.

title "The owner trains a model and encrypts it at home"
seed=$((RANDOM + 1))  # a model that exists nowhere else, so that the search for leaks cannot find another's
as owner "$python" "$repository/examples/digits/train.py" digits --seed "$seed"
mkdir -p "$out"/owner/plain/{digits,large}/1 "$out/client/heldout" "$out/host/models"
mv "$out"/owner/digits/model.{xml,bin} "$out/owner/plain/digits/1/"
mv "$out"/owner/digits/{images,labels,probabilities}.npy "$out/client/heldout/"
rm -r "$out/owner/digits"
as owner strongroom keygen --out digits.key
as owner strongroom encrypt --key digits.key --as digits plain/digits ../host/models/digits
ok "ciphertext is in host/, the key stays in owner/"

note "a second model of ResNet-50's shape and over 100 MB, random weights, deep in a tree"
as owner "$python" "$repository/examples/resnet50/make.py" plain/large/1 --images large
mv "$out"/owner/large/{image,scores}.npy "$out/client/"
rm -r "$out/owner/large"
as owner strongroom keygen --out large.key
as owner strongroom encrypt --key large.key --as large plain/large ../host/models/large
as owner strongroom inspect ../host/models/digits/1/model.bin

title "The owner and a client make themselves known by certificates"
as owner strongroom user create owner
as client strongroom user create alice
as client strongroom user create mallory
cp "$out/client/alice.crt" "$out/client/mallory.crt" "$out/owner/"
