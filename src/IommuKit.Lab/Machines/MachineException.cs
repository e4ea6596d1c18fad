namespace IommuKit.Lab.Machines;

/// <summary>A machine does what no machine may: its driver and its model do not fit together.</summary>
public sealed class MachineException : Exception
{
    /// <summary>Makes an exception.</summary>
    public MachineException()
        : this(string.Empty, "a machine does not work")
    {
    }

    /// <summary>Makes an exception.</summary>
    public MachineException(string message)
        : this(string.Empty, message)
    {
    }

    /// <summary>Makes an exception.</summary>
    public MachineException(string message, Exception? innerException)
        : base(message, innerException) => Iommu = string.Empty;

    /// <summary>Makes an exception.</summary>
    /// <param name="iommu">The name of the IOMMU.</param>
    /// <param name="message">What it does, with its name.</param>
    public MachineException(string iommu, string message)
        : base(message) => Iommu = iommu;

    /// <summary>The name of the IOMMU.</summary>
    public string Iommu { get; }
}
