namespace IommuKit.Linux.Vfio;

/// <summary>What to do when the kernel does not give a device away: one sentence each.</summary>
internal static class Remedies
{
    public static HostException NoContainers() => new(
        HostProblem.Unavailable,
        "there is no /dev/vfio/vfio: this kernel has no VFIO, or it is not loaded (as root: modprobe vfio-pci)");

    public static HostException NoIommufd() => new(
        HostProblem.Unavailable,
        "there is no /dev/iommu: this kernel has no iommufd (6.2 or newer has it), or it is not loaded (as root: modprobe iommufd)");

    public static HostException NoNode(string device) => new(
        HostProblem.Unavailable,
        $"{device} has no node in /dev/vfio/devices: the kernel is older than 6.6 or built without CONFIG_VFIO_DEVICE_CDEV, "
        + "or the device is not with vfio-pci ('iommukit host info DEVICE' has the commands)");

    public static HostException NoMapFile() => new(
        HostProblem.Unavailable,
        "this kernel's iommufd maps no files (6.13 or newer does): map the file's addresses instead (Map at HostFile.Address)");

    public static HostException NoMapFileByType1() => new(
        HostProblem.Unavailable,
        "VFIO type 1 maps no files: open the host by iommufd (HostBackEnd.IommufdOnly), or map the file's addresses (Map at HostFile.Address)");

    public static HostException NoCopyByType1() => new(
        HostProblem.Unavailable,
        "VFIO type 1 copies no mappings: open the host by iommufd (HostBackEnd.IommufdOnly), or map the same addresses again, which pins and counts them twice");

    public static HostException NoPageChoiceByType1() => new(
        HostProblem.Unavailable,
        "of VFIO type 1 page sizes are chosen for all (as root: modprobe vfio_iommu_type1 disable_hugepages=1): open the host by iommufd to choose for a domain");

    public static HostException NoLimitOfUserByType1() => new(
        HostProblem.Unavailable, "VFIO type 1 counts locked memory by process: open the host by iommufd (HostBackEnd.IommufdOnly) to have it counted by user");

    /// <summary>Locked memory cannot be counted as asked for.</summary>
    /// <param name="errno">The kernel's number, positive.</param>
    public static HostException NoLockLimit(int errno) => errno is Errno.NotPermitted or Errno.AccessDenied
        ? new HostException(
            HostProblem.Permission,
            "how iommufd counts locked memory may not be changed: run with CAP_SYS_RESOURCE (as root), or leave it at HostLockLimit.Usual and raise the limit (ulimit -l)")
        : Failed("iommufd does not change how it counts locked memory", errno);

    public static HostException NoFaultQueue() => new(
        HostProblem.Unavailable, "this kernel's iommufd has no fault queues (6.11 or newer has them): map what devices use before they use it");

    public static HostException NoFaultQueueByType1() => new(
        HostProblem.Unavailable, "VFIO type 1 passes no faults on: open the host by iommufd (HostBackEnd.IommufdOnly)");

    /// <summary>A device, or its IOMMU, lets no access wait.</summary>
    public static HostException CannotWaitForPages(string device) => new(
        HostProblem.Unavailable,
        $"{device} or its IOMMU cannot wait for pages (on PCI both need page requests, PRI): use a domain without a fault queue, and map before it is used");

    public static HostException NoHugePages(ulong count) => new(
        HostProblem.Unavailable, $"there are no {count} huge pages: set some aside ({HugePages.HowToSetAside(count)})");

    public static HostException NoHugePagesInKernel() => new(
        HostProblem.Unavailable, "this kernel has no huge pages (CONFIG_HUGETLBFS): use small ones");

    /// <summary>A file is not opened once more.</summary>
    /// <param name="what">Which.</param>
    /// <param name="errno">The kernel's number, positive.</param>
    public static HostException CannotShare(string what, int errno) => errno == Errno.BadFile
        ? new HostException(HostProblem.Failed, $"{what} is closed, or no file at all: hand over one that is open")
        : Failed($"{what} cannot be opened once more", errno);

    public static HostException NoDevice(string device) => new(
        HostProblem.Unavailable, $"{device} is no device behind an IOMMU here: see 'iommukit host info', and switch the IOMMU on in firmware and kernel if it is empty");

    public static HostException NotReady(string device) => new(
        HostProblem.Unavailable,
        $"{device} is not with vfio-pci: 'iommukit host info {device}' has the commands that take it from its driver, and why they are dangerous");

    public static HostException NotViable(string device, int group) => new(
        HostProblem.Unavailable,
        $"{device} cannot be used: other devices of its group {group} are with drivers of the kernel ('iommukit host info {device}' names them, and the commands)");

    /// <summary>Interrupts of the device are not remapped.</summary>
    /// <param name="module">The kernel's module that refuses.</param>
    public static HostException NoUnsafeInterrupts(string module) => new(
        HostProblem.Permission,
        "the kernel does not give devices away whose interrupts are not remapped: switch interrupt remapping on, or, if all devices and programs are "
        + $"trusted, echo 1 > /sys/module/{module}/parameters/allow_unsafe_interrupts");

    /// <summary>A file cannot be opened.</summary>
    public static HostException CannotOpen(string path, int errno) => errno switch
    {
        Errno.NotPermitted or Errno.AccessDenied => new HostException(
            HostProblem.Permission, $"{path} may not be opened: run as root, or have root give it to you (chown $USER {path})"),
        Errno.Busy => new HostException(HostProblem.Failed, $"{path} is in use by another program: end that one first"),
        Errno.NoDevice => new HostException(HostProblem.Unavailable, $"{path} has no device any more: it was given back to a driver, or is gone"),
        _ => Failed($"{path} cannot be opened", errno),
    };

    /// <summary>A call failed that seldom does: what to do is what such a number of the kernel's mostly asks for.</summary>
    /// <param name="what">What cannot be done.</param>
    /// <param name="errno">The kernel's number, positive.</param>
    /// <param name="remedy">What to do, where more is known than the number tells; null for that.</param>
    public static HostException Failed(string what, int errno, string? remedy = null) => new(
        errno switch
        {
            Errno.NotPermitted or Errno.AccessDenied => HostProblem.Permission,
            Errno.NotThere or Errno.NotImplemented or Errno.NotSupported or Errno.NoDevice or Errno.NoSuchDevice => HostProblem.Unavailable,
            _ => HostProblem.Failed,
        },
        $"{what}: the kernel says \"{System.Runtime.InteropServices.Marshal.GetPInvokeErrorMessage(errno)}\"; {remedy ?? WhatToDo(errno)}");

    /// <summary>A region of a device that the kernel maps into no process.</summary>
    /// <param name="region">Which, of what.</param>
    /// <param name="why">Why, as far as is known.</param>
    public static HostException NotMappable(string region, string why) => new(
        HostProblem.NotMappable, $"{region} cannot be mapped, {why}: read and write it with VfioAccess.ReadRegion and WriteRegion");

    /// <summary>The kernel makes no file of a region.</summary>
    /// <param name="region">Which, of what.</param>
    /// <param name="errno">The kernel's number, positive.</param>
    public static HostException NoExport(string region, int errno) => errno switch
    {
        Errno.NotThere => new HostException(
            HostProblem.Unavailable,
            $"{region} cannot be exported: this kernel's VFIO exports no regions (6.19 or newer does, built with CONFIG_PCI_P2PDMA and "
            + "CONFIG_VFIO_PCI_DMABUF): have devices meet in memory that both reach"),
        Errno.NotSupported => new HostException(
            HostProblem.Unavailable, $"{region} cannot be exported, as its driver or what it is made of allows no peers: have devices meet in memory that both reach"),
        _ => Failed($"{region} cannot be exported", errno),
    };

    public static HostException NoMapRegionByType1() => new(
        HostProblem.Unavailable,
        "VFIO type 1 maps no files of regions: open the host by iommufd (HostBackEnd.IommufdOnly), or have devices meet in memory that both reach");

    /// <summary>A device that has no reset of its own.</summary>
    public static HostException NoReset(string device) => new(
        HostProblem.Unavailable,
        $"{device} has no reset that leaves its neighbours alone (FLR, power states, or a bus of its own): reset it by its registers, or give it back to its "
        + $"driver and take it again ('iommukit host info {device}' has the commands)");

    /// <summary>Pages of an IOMMU cannot be asked whether devices wrote to them.</summary>
    public static HostException NoDirtyTracking(string device) => new(
        HostProblem.Unavailable,
        $"the IOMMU of {device} cannot note which pages devices write to: use VFIO type 1 (LegacyOnly), which takes every pinned page for written");

    public static HostException NoSuchDomainForDirtyPages() => new(
        HostProblem.Failed,
        "which pages devices write to is noted only in a domain that CreateDomain(options, tracksDirtyPages: true) made, once a device is in it: make one");

    /// <summary>A mapping was refused, in half a sentence; null if there is nothing to add.</summary>
    public static string? OfMap(IommuError error) => error switch
    {
        IommuError.ENOMEM => "More memory than this process may lock would be locked: raise the limit (ulimit -l unlimited, LimitMEMLOCK=infinity, "
            + "or --ulimit memlock=-1 of a container), or run with CAP_IPC_LOCK.",
        IommuError.ENOSPC => "A container has no more mappings left: map larger pieces, or raise dma_entry_limit of vfio_iommu_type1.",
        IommuError.EFAULT => "The process has no memory there, or it cannot be pinned, as memory of another device's region.",
        IommuError.ENOENT => "In the other domain no mapping begins there that has this size: a copy takes whole mappings.",
        IommuError.EEXIST => "Something is mapped there already.",
        IommuError.EINVAL => "It is not aligned to a page, or outside the windows of the IOMMU (ReservedIovas has what is left out).",
        IommuError.EBUSY => "Something else uses it yet: end that first.",
        IommuError.ENODEV => "A device is missing: attach one ('iommukit host info' lists devices), or, of a region of another, open and wake that one.",
        IommuError.EIO => "A copy may allow no more than the mapping that it is of; for other reasons the kernel's log may say more (dmesg).",
        _ => null,
    };

    /// <summary>What a number of the kernel's mostly asks for.</summary>
    private static string WhatToDo(int errno) => errno switch
    {
        Errno.NotPermitted or Errno.AccessDenied => "run as root",
        Errno.NoEntry or Errno.NoDevice or Errno.NoSuchDevice => "see with 'iommukit host info' whether the device is there yet, and with vfio-pci",
        Errno.Again or Errno.Interrupted or Errno.TimedOut => "try again",
        Errno.NoMemory => "end other programs, or raise the limit of memory that may be locked (ulimit -l unlimited)",
        Errno.Fault => "take memory that can be pinned, as that of HostPages",
        Errno.Busy => "end the program or driver that uses it",
        Errno.TooManyFiles or Errno.TooManyFilesOfProcess => "raise the limit of open files (ulimit -n)",
        Errno.NoSpace => "release some of what is in use",
        Errno.NotThere or Errno.NotImplemented or Errno.NotSupported => "this kernel or device cannot do it: a newer kernel may",
        Errno.Invalid => "this kernel or device does not take it so: its log may say more (dmesg), and a newer kernel may take it",
        _ => "the kernel's log may say more (dmesg)",
    };
}
