using System.Buffers.Binary;
using System.Net.Sockets;
using IommuKit.Domains;
using IommuKit.Linux.Vfio;
using Microsoft.Win32.SafeHandles;

namespace IommuKit.Linux.Tests.Vfio;

/// <summary>Faults as the kernel writes them (40 bytes each, linux/iommufd.h), through one end of a socket; answers come out of it.</summary>
public sealed class HostFaultsTests : IDisposable
{
    private static readonly TimeSpan s_most = TimeSpan.FromSeconds(30);

    private readonly string _path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
    private readonly Socket _kernel;
    private readonly Socket _program;
    private readonly SafeFileHandle _iommufd;
    private int _closings;

    public HostFaultsTests()
    {
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(_path));
        listener.Listen();
        _kernel = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _kernel.Connect(new UnixDomainSocketEndPoint(_path));
        _program = listener.Accept();
        _kernel.ReceiveTimeout = (int)s_most.TotalMilliseconds;
        _iommufd = File.OpenHandle(Path.GetTempFileName(), FileMode.Open, FileAccess.ReadWrite, options: FileOptions.DeleteOnClose);
    }

    public void Dispose()
    {
        _kernel.Dispose();
        _program.Dispose();
        _iommufd.Dispose();
        File.Delete(_path);
    }

    [LinuxFact]
    public async Task Faults_are_read_in_order_and_a_group_is_answered()
    {
        using var queue = MakeQueue();
        var first = queue.ReadAsync();
        first.IsCompleted.ShouldBeFalse();
        _kernel.Send([.. Fault(0, 9, 0, 5, 2, 0x1234_5000, 4096, 0xaabb_ccdd), .. Fault(3, 9, 77, 5, 9, 0xffff_ffff_ffff_f000, 0, 0xaabb_ccdd)]);

        var fault = await first.AsTask().WaitAsync(s_most);
        fault.ShouldBe(new HostFault(null, IommuDomain.NoPasid, 5, false, HostFaultAccess.Write, 0x1234_5000, 4096, 0xaabb_ccdd));
        fault = await queue.ReadAsync().AsTask().WaitAsync(s_most);
        fault.ShouldBe(new HostFault(
            null, 77, 5, true, HostFaultAccess.Read | HostFaultAccess.Privileged, 0xffff_ffff_ffff_f000, 0, 0xaabb_ccdd));

        queue.Respond(fault, HostFaultResponse.Invalid);
        byte[] answer = new byte[8];
        _kernel.Receive(answer).ShouldBe(8);
        BinaryPrimitives.ReadUInt32LittleEndian(answer).ShouldBe(0xaabb_ccddu);
        BinaryPrimitives.ReadUInt32LittleEndian(answer.AsSpan(4)).ShouldBe(1u);
    }

    [LinuxFact]
    public async Task Many_faults_come_all()
    {
        using var queue = MakeQueue();
        const int count = 2000;
        var sender = Task.Run(() => Enumerable.Range(0, count).Sum(i => _kernel.Send(Fault(2, 1, 0, (uint)i, 1, (ulong)i << 12, 1, (uint)i))));
        for (int i = 0; i < count; i++)
        {
            (await queue.ReadAsync().AsTask().WaitAsync(s_most)).Iova.ShouldBe((ulong)i << 12);
        }

        (await sender).ShouldBe(count * 40);
    }

    [LinuxFact]
    public async Task A_wait_ends_with_its_token_and_with_the_queue()
    {
        var queue = MakeQueue();
        using var cancellation = new CancellationTokenSource();
        var wait = queue.ReadAsync(cancellation.Token).AsTask();
        await cancellation.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => wait.WaitAsync(s_most));

        wait = queue.ReadAsync().AsTask();
        queue.Dispose();
        queue.Dispose();
        await Should.ThrowAsync<OperationCanceledException>(() => wait.WaitAsync(s_most));
        _closings.ShouldBe(1);
        Should.Throw<ObjectDisposedException>(() => queue.Respond(default, HostFaultResponse.Success));
        Should.Throw<ObjectDisposedException>(queue.Enter);
    }

    [LinuxFact]
    public async Task A_kernel_that_gives_nothing_ends_the_waits_in_a_sentence()
    {
        using var queue = MakeQueue();
        var wait = queue.ReadAsync().AsTask();
        _kernel.Dispose();
        (await Should.ThrowAsync<HostException>(() => wait.WaitAsync(s_most))).Message.ShouldContain("no more faults");
    }

    [LinuxFact]
    public void A_domain_may_outlive_the_queue_and_the_host_both()
    {
        var queue = MakeQueue();
        queue.Enter();
        queue.Dispose();
        _iommufd.Dispose();
        Should.NotThrow(queue.Leave);
    }

    [LinuxFact]
    public void A_kernel_without_queues_is_named()
    {
        // A file that knows no such call answers as an older iommufd does.
        var refusal = Should.Throw<HostException>(() => VfioHost.MakeFaultQueue(_iommufd, _ => null, _ => { }));
        refusal.Problem.ShouldBe(HostProblem.Unavailable);
        refusal.Message.ShouldContain("6.11");
        refusal.Message.ShouldNotContain("\n");
    }

    private static byte[] Fault(uint flags, uint device, uint pasid, uint group, uint access, ulong iova, uint length, uint cookie)
    {
        byte[] bytes = new byte[40];
        uint[] fields = [flags, device, pasid, group, access, 0, (uint)iova, (uint)(iova >> 32), length, cookie];
        for (int i = 0; i < fields.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(i * sizeof(uint)), fields[i]);
        }

        return bytes;
    }

    private HostFaults MakeQueue() =>
        new(_iommufd, 3, new SafeFileHandle(_program.SafeHandle.DangerousGetHandle(), ownsHandle: false), Nodes.MakeEvent(), _ => null, _ => _closings++);
}
