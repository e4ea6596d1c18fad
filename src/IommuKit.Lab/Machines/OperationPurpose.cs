
namespace IommuKit.Lab.Machines;

/// <summary>What a register access or a command is for. Other kinds of operation have <see cref="None"/>.</summary>
public enum OperationPurpose
{
    /// <summary>Not known, or the kind says it.</summary>
    None,

    /// <summary>Invalidation of the cache of table memory.</summary>
    TableCache,

    /// <summary>Invalidation of translations.</summary>
    Tlb,

    /// <summary>Waiting until what came before took effect.</summary>
    Completion,

    /// <summary>Set-up, attaching, faults.</summary>
    Other,
}
