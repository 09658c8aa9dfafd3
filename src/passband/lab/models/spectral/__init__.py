"""The networks of SpecNet (Guan et al. 2019): convolution and activation in the spectrum."""
