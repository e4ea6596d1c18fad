namespace IommuKit.Lab.Machines;

/// <summary>A kind of command that an IOMMU has.</summary>
/// <param name="Name">What results call it, in lower case with underscores.</param>
/// <param name="Purpose">What it is for: translations, a wait (<see cref="OperationPurpose.Completion"/>), or else.</param>
public readonly record struct CommandKind(string Name, OperationPurpose Purpose);
