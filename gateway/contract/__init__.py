"""What we publish: model x agreement -> XSD, WSDL, renderer, decoder, Spyne application."""
