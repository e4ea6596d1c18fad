using System.Runtime.InteropServices;
using IommuKit.Linux.Vfio;
using Microsoft.Win32.SafeHandles;

namespace IommuKit.Linux.Tests.Vfio;

/// <summary>Memory in a file: what one sees, the other sees, and nobody can take it away.</summary>
public class HostFileTests
{
    private const ulong Page = 4096;

    [LinuxFact]
    public void Two_who_have_the_file_see_the_same_memory()
    {
        using var made = HostFile.Create((3 * Page) - 100, "guest");
        made.Length.ShouldBe(3 * Page);
        using var opened = HostFile.Open(made.Handle);
        opened.Length.ShouldBe(made.Length);
        opened.Address.ShouldNotBe(made.Address);
        made.Memory.Span(Page, 8).Fill(7);
        opened.Memory.Span(Page, 8).ToArray().ShouldAllBe(value => value == 7);

        // The handle that was opened stays the caller's, and the memory that of who has it yet.
        made.Dispose();
        Should.Throw<ObjectDisposedException>(() => made.Memory.Span(0, 1).Length);
        opened.Memory.Span(Page, 8).ToArray().ShouldAllBe(value => value == 7);
    }

    [LinuxFact]
    public void Nobody_can_make_the_file_shorter()
    {
        using var file = HostFile.Create(2 * Page);
        Should.Throw<Exception>(() => RandomAccess.SetLength(file.Handle, (long)Page));
        RandomAccess.GetLength(file.Handle).ShouldBe(2 * (long)Page);
    }

    [LinuxFact]
    public void A_file_that_is_none_has_a_remedy_of_its_own()
    {
        using var none = new SafeFileHandle(-1, ownsHandle: false);
        string message = Should.Throw<HostException>(() => HostFile.Open(none)).Message;
        message.ShouldContain("hand over one that is open");
        message.ShouldNotContain("ulimit");
        Remedies.CannotShare("the file", Errno.TooManyFilesOfProcess).Message.ShouldContain("ulimit -n");
        Remedies.CannotShare("the file", Errno.NoMemory).Message.ShouldNotContain("ulimit -n");
    }

    [LinuxFact]
    public void A_file_that_is_not_sealed_is_sealed_and_one_on_disk_refused()
    {
        using var raw = HostCalls.MakeMemoryFile("raw", isHuge: false, out int errno);
        errno.ShouldBe(0);
        RandomAccess.SetLength(raw, 2 * (long)Page);
        using (HostFile.Open(raw))
        {
            Should.Throw<Exception>(() => RandomAccess.SetLength(raw, 0));
        }

        string path = Path.GetTempFileName();
        try
        {
            using var disk = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
            Should.Throw<HostException>(() => HostFile.Open(disk)).Message.ShouldContain("memfd_create");
        }
        finally
        {
            File.Delete(path);
        }
    }

    [LinuxFact]
    public void A_file_without_whole_pages_is_refused()
    {
        foreach (long length in (long[])[0, 100])
        {
            using var raw = HostCalls.MakeMemoryFile("raw", isHuge: false, out _);
            RandomAccess.SetLength(raw, length);
            Should.Throw<HostException>(() => HostFile.Open(raw)).Message.ShouldContain("whole pages");
        }
    }

    [LinuxFact]
    public void Sizes_that_cannot_be_are_refused_in_a_sentence()
    {
        Should.Throw<ArgumentOutOfRangeException>(() => HostFile.Create(0));
        Should.Throw<ArgumentOutOfRangeException>(() => HostFile.Create(ulong.MaxValue));
        var refusal = Should.Throw<HostException>(() => HostFile.Create(1ul << 62));
        refusal.Message.ShouldNotContain("\n");
    }

    [LinuxFact]
    public void Buffers_are_zeroed_apart_in_the_file_and_given_back()
    {
        using var file = HostFile.Create(3 * Page);
        var first = file.Allocate(100);
        var second = file.Allocate(2 * Page);
        first.Length.ShouldBe(Page);
        first.PhysicalAddress.ShouldBeInRange(file.Address, file.Address + (2 * Page));
        (first.PhysicalAddress + Page <= second.PhysicalAddress || second.PhysicalAddress + (2 * Page) <= first.PhysicalAddress).ShouldBeTrue();
        second.Span(0, 100).Fill(7);
        Should.Throw<IommuException>(() => file.Allocate(1)).Error.ShouldBe(IommuError.ENOMEM);
        Should.Throw<IommuException>(() => file.Allocate(0)).Error.ShouldBe(IommuError.EINVAL);

        // What the process sees at a buffer's address is what the file has there.
        Marshal.ReadByte((nint)second.PhysicalAddress, 5).ShouldBe((byte)7);
        file.Memory.Span(second.PhysicalAddress - file.Address, 1)[0].ShouldBe((byte)7);

        file.Free(second);
        Should.Throw<ArgumentException>(() => file.Free(second));
        file.Free(first);
        file.Allocate(3 * Page).Span(0, 3 * (int)Page).ToArray().ShouldAllBe(value => value == 0);
    }

    [LinuxFact]
    public void Files_leave_no_descriptors_behind()
    {
        HostFile.Create(Page).Dispose();
        int before = Directory.GetFiles("/proc/self/fd").Count(IsMemoryFile);
        for (int i = 0; i < 100; i++)
        {
            using var file = HostFile.Create(Page);
            using var again = HostFile.Open(file.Handle);
        }

        Directory.GetFiles("/proc/self/fd").Count(IsMemoryFile).ShouldBe(before);

        static bool IsMemoryFile(string path) => new FileInfo(path).LinkTarget?.Contains("memfd:dma", StringComparison.Ordinal) == true;
    }

    [LinuxFact]
    public void A_handle_that_is_none_is_refused()
    {
        using var none = new SafeFileHandle(-1, ownsHandle: true);
        Should.Throw<HostException>(() => HostFile.Open(none));
    }
}
