namespace IommuKit.Lab.Machines;

/// <summary>A kind of machine that can be built.</summary>
/// <param name="Name">The name by which users select it.</param>
/// <param name="Description">What it is.</param>
/// <param name="Create">Builds one.</param>
public sealed record MachineKind(string Name, string Description, Func<MachineSettings, Machine> Create);
