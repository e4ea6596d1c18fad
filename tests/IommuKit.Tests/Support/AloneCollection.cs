namespace IommuKit.Tests.Support;

/// <summary>Tests that run while no other does.</summary>
[CollectionDefinition("alone", DisableParallelization = true)]
public class AloneCollection;
