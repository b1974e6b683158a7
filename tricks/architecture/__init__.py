"""How the layers of the network are connected."""
