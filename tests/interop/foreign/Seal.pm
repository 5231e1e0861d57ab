# Verifies the signature of an answer in Perl with LibXML's exclusive canonicalisation and CryptX.
package Seal;
use v5.36;
use Crypt::PK::ECC;
use Crypt::PK::RSA;
use Digest::SHA qw(sha256);
use Encode qw(encode_utf8);
use Exporter qw(import);
use MIME::Base64;
use XML::LibXML;
our @EXPORT_OK = qw(verified);

my $SHA256 = 'http://www.w3.org/2001/04/xmlenc#sha256';
my $MORE   = 'http://www.w3.org/2001/04/xmldsig-more#';
my $WSS    = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-';
my %SPACES = ( ds => 'http://www.w3.org/2000/09/xmldsig#', wsse => "${WSS}secext-1.0.xsd", wsu => "${WSS}utility-1.0.xsd" );

# Whether the message is signed with this certificate (a PEM file) over what its profile says, and unchanged.
sub verified ( $raw, $certificate, $profile ) {
    my $path = XML::LibXML::XPathContext->new( XML::LibXML->load_xml( string => $raw ) );
    $path->registerNs( $_, $SPACES{$_} ) for keys %SPACES;
    my $header = "/*/*[local-name()='Header']";
    my $wsse   = $profile eq 'wsse';

    # The one signature at its place.
    my ($signature) = $path->findnodes( $header . ( $wsse ? '/wsse:Security' : '' ) . '/ds:Signature' );
    return 0 if !$signature || $path->findvalue('count(//ds:Signature)') != 1;

    # The value signs SignedInfo, with the method that belongs to the key.
    my ($signed) = $path->findnodes( 'ds:SignedInfo', $signature );
    my $value    = decode_base64( $path->findvalue( 'ds:SignatureValue', $signature ) );
    my $method   = $path->findvalue( 'ds:SignatureMethod/@Algorithm', $signed );
    return 0 if !holds( $certificate, $method, canonical($signed), $value );

    # SignedInfo names the parts, and their digests are those of the parts that are read, one of each.
    my %target = $wsse ? ( '#Body' => "/*/*[local-name()='Body']", '#Timestamp' => "$header/wsse:Security/wsu:Timestamp" ) : ( '' => '/*' );
    my %digest;
    for my $reference ( $path->findnodes( 'ds:Reference', $signed ) ) {
        return 0 if $path->findvalue( 'ds:DigestMethod/@Algorithm', $reference ) ne $SHA256;
        $digest{ $reference->getAttribute('URI') } = $path->findvalue( 'ds:DigestValue', $reference );
    }
    $signature->unbindNode if !$wsse;
    return 0 if join( ' ', sort keys %digest ) ne join( ' ', sort keys %target );
    for my $uri ( keys %target ) {
        my @parts = $path->findnodes( $target{$uri} );
        return 0 if @parts != 1 || ( $wsse && '#' . $parts[0]->getAttributeNS( $SPACES{wsu}, 'Id' ) ne $uri );
        return 0 if encode_base64( sha256( canonical( $parts[0] ) ), '' ) ne $digest{$uri};
    }
    return 1;
}

sub holds ( $certificate, $method, $octets, $value ) {
    my $rsa = eval { Crypt::PK::RSA->new($certificate) };
    return $method eq "${MORE}rsa-sha256" && $rsa->verify_message( $value, $octets, 'SHA256', 'v1.5' ) if $rsa;
    my $ecc = Crypt::PK::ECC->new($certificate);
    return $method eq "${MORE}ecdsa-sha256" && $ecc->verify_message_rfc7518( $value, $octets, 'SHA256' );
}

# LibXML gives the octets of exclusive canonicalisation as text.
sub canonical ($element) {
    return encode_utf8( $element->toStringEC14N );
}

1;
