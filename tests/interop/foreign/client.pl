# Perl's SOAP::Lite; addresses, actions and the order of elements come from the WSDL. Seal.pm verifies
# the signature.
# Usage: perl client.pl task.json; one line of JSON per call goes to standard output.
use v5.36;
use FindBin;
use lib $FindBin::Bin;
use JSON::PP;
use LWP::UserAgent;
use SOAP::Lite;
use Seal qw(verified);
use XML::LibXML;

my $json = JSON::PP->new->utf8->canonical;
my $task = $json->decode( slurp( $ARGV[0] ) );
my %tls  = ( verify_hostname => 1, SSL_ca_file => $task->{ca} );
my $page = LWP::UserAgent->new( ssl_opts => \%tls )->get( $task->{wsdl} );
die $page->status_line unless $page->is_success;
my $wsdl = xpath( XML::LibXML->load_xml( string => $page->content ) );
my $port = $task->{soap} eq '1.2' ? 'soap12' : 'soap';
SOAP::Lite->soapversion( $task->{soap} );
my $soap = SOAP::Lite->new->readable(0)->ns( $task->{namespace}, 'a' )->autotype(0);
$soap->serializer->encodingStyle('');    # document/literal
$soap->proxy( $wsdl->findvalue("//$port:address/\@location"),
    ssl_opts => { %tls, SSL_cert_file => $task->{certificate}, SSL_key_file => $task->{key} } );
$soap->on_fault( sub { $_[1] } );

for my $call ( $task->{calls}->@* ) {
    my $operation = $call->{operation};
    my $action    = $wsdl->findvalue("//wsdl:binding[$port:binding]/wsdl:operation[\@name='$operation']/$port:operation/\@soapAction");
    $soap->on_action( sub { qq("$action") } );
    my @order   = map { $_->value } $wsdl->findnodes("//xs:element[\@name='$operation']/xs:complexType/xs:sequence/xs:element/\@name");
    my @context = map { $_->value } $wsdl->findnodes("//xs:complexType[\@name='Abrufkontext']/xs:sequence/xs:element/\@name");
    my $header  = SOAP::Header->name('a:abrufkontext')->value( \SOAP::Data->value( parts( $task->{context}, @context ) ) );
    my $som     = $soap->call( SOAP::Data->name("a:$operation"), parts( $call->{parameters}, @order ), $header );
    my $raw     = $soap->transport->http_response->content;
    my $said    = { operation => $operation, verified => verified( $raw, $task->{signing}, $task->{profile} ) ? JSON::PP::true : JSON::PP::false };
    if ( $som->fault ) {
        $said->{fault} = $som->valueof('//fehler/code');
        $said->{read}  = [ $som->valueof('//fehler/befund') ];
    }
    else {
        $said->{protokollnummer} = $som->valueof('/Envelope/Header/quittung/protokollnummer');
        $said->{read}            = [ $som->valueof("/Envelope/Body/${operation}Response/$call->{read}") ];
    }
    print $json->encode($said), "\n";
}

# Elements with these values in the order of the schema; no types and no nil, which are for rpc/encoded.
sub parts ( $values, @order ) {
    my @parts = map { SOAP::Data->name("a:$_")->value( $values->{$_} )->type('') } grep { exists $values->{$_} } @order;
    return @parts ? @parts : SOAP::Data->type( xml => '' );
}

sub xpath ($document) {
    my $path = XML::LibXML::XPathContext->new($document);
    my %all  = (
        soap   => 'http://schemas.xmlsoap.org/wsdl/soap/',
        soap12 => 'http://schemas.xmlsoap.org/wsdl/soap12/',
        wsdl   => 'http://schemas.xmlsoap.org/wsdl/',
        xs     => 'http://www.w3.org/2001/XMLSchema',
    );
    $path->registerNs( $_, $all{$_} ) for keys %all;
    return $path;
}

sub slurp ($file) {
    open my $handle, '<:raw', $file or die "$file: $!";
    local $/ = undef;
    return <$handle>;
}
