# Install rules and the .deb. OpenVINO's libraries go beside the model server under lib/strongroom.
include(GNUInstallDirs)
get_property(programs GLOBAL PROPERTY STRONGROOM_PROGRAMS)
if(programs)
  install(TARGETS ${programs} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
# The manual page and the completions come from the program's own table of commands.
set(described "${CMAKE_BINARY_DIR}/described")
add_custom_command(OUTPUT "${described}/strongroom.1" "${described}/strongroom.bash" "${described}/_strongroom"
                          "${described}/strongroom.fish"
  COMMAND ${CMAKE_COMMAND} -E make_directory "${described}"
  COMMAND strongroom man > "${described}/strongroom.1"
  COMMAND strongroom completion bash > "${described}/strongroom.bash"
  COMMAND strongroom completion zsh > "${described}/_strongroom"
  COMMAND strongroom completion fish > "${described}/strongroom.fish"
  DEPENDS strongroom VERBATIM)
add_custom_target(strongroom_described ALL DEPENDS "${described}/strongroom.1")
install(FILES "${described}/strongroom.1" DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES "${described}/strongroom.bash" RENAME strongroom
        DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/bash-completion/completions)
install(FILES "${described}/_strongroom" DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/zsh/vendor-completions)
install(FILES "${described}/strongroom.fish" DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/fish/vendor_completions.d)
install(FILES README.md LICENSE CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME strongroom)
set(CPACK_PACKAGE_VERSION "${STRONGROOM_VERSION}")
set(CPACK_PACKAGE_CONTACT "The Strongroom authors")
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "The Strongroom authors <strongroom@localhost>")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_STRIP_FILES ON)
include(CPack)
