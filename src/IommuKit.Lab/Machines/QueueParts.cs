using IommuKit.Specs.Memory;

namespace IommuKit.Lab.Machines;

/// <summary>What a machine needs whose driver gives commands by queues in memory.</summary>
/// <param name="Bytes">Bytes of memory for queues and what belongs to them, behind the pool of page tables. Hardware sees the CPU's stores there.</param>
/// <param name="CreateReader">Makes what counts the commands, with memory as the CPU sees it.</param>
/// <param name="CreateSilent">Makes the registers where no model is wanted: they answer what the driver waits for when it sets the hardware up.</param>
public sealed record QueueParts(ulong Bytes, Func<HostMemory, IQueueReader> CreateReader, Func<SilentRegisters> CreateSilent);
