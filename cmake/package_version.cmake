# What CPack reads when it packs: the version of the programs as they were built, not as the folder was configured.
file(STRINGS "${CPACK_STRONGROOM_VERSION_FILE}" CPACK_PACKAGE_VERSION)
