umask; umask 027; touch f; mkdir d; stat -c %a f d; umask 022
chmod u+x,g-r f; stat -c %a f; chmod 4755 f; stat -c %A f; chmod +t d; stat -c %A d
umask -S; (umask 077; touch private; stat -c %a private); umask
touch ro; chmod 400 ro; [ -r ro ]; echo $?; ls -l ro | cut -c 1-10
chown 12:34 ro; stat -c '%u %g' ro
