# shellcheck shell=bash
# The client asks over three protocols and compares with the plain model.

title "The client asks the model over mutual TLS"
ask=(strongroom infer "localhost:$serving_port" --root root.crt --marble modelserver -c alice.crt -k alice.key)
as client "${ask[@]}" -m digits -i heldout/images.npy --api tfs -o tfs.npy
as client "${ask[@]}" -m digits -i heldout/images.npy --api kserve -o kserve.npy
as client "${ask[@]}" -m digits -i heldout/images.npy --api rest -o rest.npy
as client "$python" "$repository/tools/demo.d/compare.py" heldout tfs.npy kserve.npy rest.npy
ok "three protocols, all held-out digits, bit-identical to the plain model"
as client "${ask[@]}" -m large -i image.npy -o large.npy
as client "$python" -c 'import numpy; numpy.testing.assert_allclose(numpy.load("large.npy"), numpy.load("scores.npy"), rtol=1e-3, atol=1e-6)'
ok "the large model answers too, as the plain one does"
