# Usage: perl verify.pl CERTIFICATE PROFILE=FILE...; prints true or false for each file.
use v5.36;
use FindBin;
use lib $FindBin::Bin;
use Seal qw(verified);

my ( $certificate, @asked ) = @ARGV;
for my $asked (@asked) {
    my ( $profile, $file ) = split /=/, $asked, 2;
    open my $handle, '<:raw', $file or die "$file: $!";
    local $/ = undef;
    say verified( scalar <$handle>, $certificate, $profile ) ? 'true' : 'false';
}
