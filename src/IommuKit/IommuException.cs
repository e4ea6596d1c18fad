namespace IommuKit;

/// <summary>An IOMMU operation failed; nothing has changed.</summary>
public sealed class IommuException : Exception
{
    /// <summary>Makes an exception without a known cause.</summary>
    public IommuException()
        : this(IommuError.EINVAL, "The IOMMU operation failed.")
    {
    }

    /// <summary>Makes an exception with EINVAL as its error.</summary>
    public IommuException(string message)
        : this(IommuError.EINVAL, message)
    {
    }

    /// <summary>Makes an exception with EINVAL as its error.</summary>
    public IommuException(string message, Exception innerException)
        : base(message, innerException)
    {
        Error = IommuError.EINVAL;
    }

    /// <summary>Makes an exception.</summary>
    public IommuException(IommuError error, string message)
        : base($"{message} ({error})")
    {
        Error = error;
    }

    /// <summary>Why it failed.</summary>
    public IommuError Error { get; }
}
