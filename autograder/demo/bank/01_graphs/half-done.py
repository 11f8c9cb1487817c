# Add, Multiply and the question are answered; everything else is as it was handed out.
# answers: handed out
# points: add 8
# points: multiply 12

# %% add
class Add(Module):
    def forward(self, x, y):
        self.save()
        return x + y

    def backward(self, grad_output):
        return grad_output, grad_output


# %% multiply
class Multiply(Module):
    def forward(self, x, y):
        self.save(x=x, y=y)
        return x * y

    def backward(self, grad_output):
        return grad_output * self.saved["y"], grad_output * self.saved["x"]


# %% written
I would split g evenly.
