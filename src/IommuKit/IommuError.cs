namespace IommuKit;

/// <summary>Why an operation failed: names and numbers of the kernel's errno.</summary>
public enum IommuError
{
    /// <summary>It did not fail.</summary>
    None = 0,

    /// <summary>No such thing: the IOVA, device or id does not exist.</summary>
    ENOENT = 2,

    /// <summary>The hardware refused what it was told, or did not do it.</summary>
    EIO = 5,

    /// <summary>No memory for a page table.</summary>
    ENOMEM = 12,

    /// <summary>The memory to be mapped is not there.</summary>
    EFAULT = 14,

    /// <summary>In use.</summary>
    EBUSY = 16,

    /// <summary>Part of the IOVA range is mapped already.</summary>
    EEXIST = 17,

    /// <summary>The domain cannot do this at all.</summary>
    ENODEV = 19,

    /// <summary>Misaligned, empty, without any right, or not for this domain.</summary>
    EINVAL = 22,

    /// <summary>No address space left in the hardware.</summary>
    ENOSPC = 28,

    /// <summary>Beyond the width of IOVAs or of physical addresses.</summary>
    ERANGE = 34,

    /// <summary>The range wraps around the end of the number space.</summary>
    EOVERFLOW = 75,
}
